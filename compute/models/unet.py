"""Adapters for latent U-Net pipelines: Stable Diffusion 1.x, 2.x and XL, in epsilon and v prediction."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers import DiffusionPipeline
from torch import Tensor

from compute.models.attention import AttentionRecorder
from compute.models.denoiser import Conditioning
from store.errors import InputError
from store.prompts.conditions import Token
from store.records import Span

PREDICTIONS = ("epsilon", "v_prediction")
FASTER = {"cuda": (torch.bfloat16, torch.float16), "cpu": (torch.bfloat16,)}  # by autocast, from float32 weights


class UNetDenoiser:
    """A `StableDiffusionPipeline` as a `Denoiser`."""

    guards: ClassVar[dict[str, Any]] = {"safety_checker": None, "requires_safety_checker": False}

    vocabulary: frozenset[str] | None = None

    def __init__(self, pipeline: DiffusionPipeline, name: str, revision: str):
        """Raises InputError if the pipeline's scheduler predicts neither epsilon nor v."""
        self.prediction = pipeline.scheduler.config.get("prediction_type", "epsilon")
        if self.prediction not in PREDICTIONS:
            raise InputError(
                f"model {name}", f"it predicts {self.prediction!r}", f"use one that predicts {PREDICTIONS}"
            )
        self.name, self.revision, self.pipeline = name, revision, pipeline
        pipeline.set_progress_bar_config(disable=True)
        self.unet, self.vae, self.tokenizer = pipeline.unet.eval(), pipeline.vae.eval(), pipeline.tokenizer
        size = self.unet.config.sample_size
        self.latent_shape = (self.unet.config.in_channels, size, size)
        alphas = pipeline.scheduler.alphas_cumprod.double().cpu()
        self.alphas = alphas
        self.log_snr = alphas.log() - (-alphas).log1p()
        self.token_limit = self.tokenizer.model_max_length - 2
        self.unknown_token: int | None = self.tokenizer.unk_token_id
        self.device: torch.device = self.unet.device
        self.weights = self.computes = loaded = self.unet.dtype
        others = FASTER.get(self.device.type, ()) if loaded == torch.float32 else (loaded,)
        self.dtypes = (torch.float32, *others)

    def tokens(self, text: str) -> list[Token]:
        found = self.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
        )
        return [Token(i, *span) for i, span in zip(found.input_ids, found.offset_mapping, strict=True)]

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> Conditioning:
        embedded, _ = self.pipeline.encode_prompt(list(texts), self.device, 1, False)
        return Conditioning({"encoder_hidden_states": embedded})

    @torch.inference_mode()
    def predict_noise(self, z: Tensor, level: Tensor, conditioning: Conditioning) -> Tensor:
        noisy = z.to(self.device, self.weights)
        arguments = self._arguments({name: values.to(self.weights) for name, values in conditioning.tensors.items()})
        with torch.autocast(self.device.type, self.computes, enabled=self.computes != self.weights):
            output = self.unet(noisy, level.to(self.device), **arguments).sample.float()
        if self.prediction == "epsilon":
            return output
        alpha = self.alphas[level].view(-1, 1, 1, 1).to(self.device, torch.float32)
        return alpha.sqrt() * output + (1 - alpha).sqrt() * z.to(self.device).float()

    def _arguments(self, tensors: dict[str, Tensor]) -> dict[str, Any]:
        return dict(tensors)

    @contextmanager
    def computing_in(self, dtype: torch.dtype) -> Iterator[None]:
        before = self.computes, self.weights
        precise = self.weights != torch.float32 and dtype == torch.float32
        self.computes = dtype
        try:
            if precise:
                self.unet.float()
                self.weights = torch.float32
            yield
        finally:
            self.computes, self.weights = before
            if precise:
                self.unet.to(self.weights)

    def attention(self, prompt: str, spans: Sequence[Span]) -> AttentionRecorder | None:
        return AttentionRecorder(
            self.unet,
            {
                prompt[slice(*span)]: [
                    place
                    for place, token in enumerate(self.tokens(prompt), start=1)  # the start token is at 0
                    if token.start < span.stop and span.start < token.stop
                ]
                for span in spans
            },
        )

    @torch.inference_mode()
    def generate(self, prompt: str, seeds: Sequence[int], guidance: float, steps: int) -> Tensor:
        result = self.pipeline(
            [prompt] * len(seeds),
            guidance_scale=guidance,
            num_inference_steps=steps,
            generator=[torch.Generator().manual_seed(seed) for seed in seeds],
            output_type="latent",
        )
        return result.images.float().cpu()

    @torch.inference_mode()
    def encode_image(self, image: np.ndarray) -> Tensor:
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None].to(self.device, self.vae.dtype) / 127.5 - 1
        latent = self.vae.encode(pixels).latent_dist.mode() - (self.vae.config.shift_factor or 0)
        return (latent * self.vae.config.scaling_factor).float().cpu()

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        scaled = latents.to(self.device, self.vae.dtype) / self.vae.config.scaling_factor
        pixels = self.vae.decode(scaled + (self.vae.config.shift_factor or 0)).sample
        return ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()


class XLDenoiser(UNetDenoiser):
    """A `StableDiffusionXLPipeline` as a `Denoiser`, told that images have the model's own size, uncropped."""

    guards: ClassVar[dict[str, Any]] = {}

    def __init__(self, pipeline: DiffusionPipeline, name: str, revision: str):
        super().__init__(pipeline, name, revision)
        if self.vae.config.force_upcast:
            self.vae.to(torch.float32)

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> Conditioning:
        embedded, _, pooled, _ = self.pipeline.encode_prompt(
            list(texts), device=self.device, num_images_per_prompt=1, do_classifier_free_guidance=False
        )
        side = self.unet.config.sample_size * self.pipeline.vae_scale_factor
        sizes = torch.tensor([[side, side, 0, 0, side, side]], device=self.device, dtype=embedded.dtype)
        return Conditioning(
            {"encoder_hidden_states": embedded, "text_embeds": pooled, "time_ids": sizes.repeat(len(texts), 1)}
        )

    def _arguments(self, tensors: dict[str, Tensor]) -> dict[str, Any]:
        added = dict(tensors)
        return {"encoder_hidden_states": added.pop("encoder_hidden_states"), "added_cond_kwargs": added}
