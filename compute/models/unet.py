"""Adapters for latent U-Net pipelines: Stable Diffusion 1.x, 2.x and XL, in epsilon and v prediction."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers import DDIMScheduler, DiffusionPipeline
from torch import Tensor

from compute.models.attention import AttentionRecorder
from compute.models.denoiser import Conditioning
from store.errors import InputError
from store.prompts.tokens import Token, longest, vectors_of, with_vectors
from store.records import Span

PREDICTIONS = ("epsilon", "v_prediction")
FASTER = {"cuda": (torch.bfloat16, torch.float16), "cpu": (torch.bfloat16,)}  # by autocast, from float32 weights
SPECIAL = 2  # tokens of each text: its start and its end
OWN_STEPS = 2  # of the pipeline's own call that an adapter is held against


class UNetDenoiser:
    """A `StableDiffusionPipeline` as an `Adapter`."""

    options: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {"safety_checker": None, "feature_extractor": None, "image_encoder": None, "requires_safety_checker": False}
    )

    def __init__(self, pipeline: DiffusionPipeline, name: str, revision: str, vocabulary: frozenset[str] | None = None):
        """Raises InputError if the pipeline lacks a part, needs more than text, or predicts neither epsilon nor v."""
        self.name, self.revision, self.pipeline, self.vocabulary = name, revision, pipeline, vocabulary
        self._check()
        self.prediction = pipeline.scheduler.config.get("prediction_type", "epsilon")
        pipeline.set_progress_bar_config(disable=True)
        self.unet, self.vae, self.tokenizer = pipeline.unet.eval(), pipeline.vae.eval(), pipeline.tokenizer
        size = self.unet.config.sample_size
        height, width = (size, size) if isinstance(size, int) else size
        self.latent_shape = (self.unet.config.in_channels, height, width)
        self.alphas = pipeline.scheduler.alphas_cumprod.double().cpu()
        self.log_snr = self.alphas.log() - (-self.alphas).log1p()
        self.token_limit = self._limit_texts() - SPECIAL
        self.unknown_token: int | None = self.tokenizer.unk_token_id
        self.device: torch.device = self.unet.device
        self.weights = self.computes = loaded = self.unet.dtype
        others = FASTER.get(self.device.type, ()) if loaded == torch.float32 else (loaded,)
        self.dtypes = (torch.float32, *others)
        self._vectors = [vectors_of(each.added_tokens_encoder) for each in self._tokenizers]

    @property
    def tokenizers_json(self) -> tuple[str, ...]:
        """See `Adapter`."""
        return tuple(each.backend_tokenizer.to_str() for each in self._tokenizers)

    def tokens(self, text: str) -> list[Token]:
        """Return the tokens of `text`, not cut off, without special ones; all those of a learned embedding.

        They are those of the tokenizer that makes the most of it, where there are several.
        """
        return longest(self._readings(text))

    def _readings(self, text: str) -> Iterator[list[Token]]:
        """Yield the tokens that each tokenizer makes of `text`."""
        for tokenizer, vectors in zip(self._tokenizers, self._vectors, strict=True):
            found = tokenizer(
                text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
            )
            tokens = [Token(i, *span) for i, span in zip(found.input_ids, found.offset_mapping, strict=True)]
            yield with_vectors(tokens, vectors)

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> Conditioning:
        """Return the conditioning of K texts: the states of the text encoder, (K, tokens, width)."""
        embedded, _ = self.pipeline.encode_prompt(list(texts), self.device, 1, False)
        return Conditioning({"encoder_hidden_states": embedded})

    @torch.inference_mode()
    def predict_noise(self, z: Tensor, level: Tensor, conditioning: Conditioning) -> Tensor:
        """Return the predicted noise, float32 (B, c, h, w), without guidance: see `Denoiser`."""
        noisy = z.to(self.device, self.weights)
        arguments = self._arguments({name: values.to(self.weights) for name, values in conditioning.tensors.items()})
        arguments |= self._guidance(len(z))
        with torch.autocast(self.device.type, self.computes, enabled=self.computes != self.weights):
            output = self.unet(noisy, level.to(self.device), **arguments).sample.float()
        return self._noise(z.to(self.device).float(), level, output)

    @contextmanager
    def computing_in(self, dtype: torch.dtype) -> Iterator[None]:
        """Compute in `dtype` within it: by autocast, or with the U-Net in float32 where its weights are half ones."""
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
        """Return a recorder of the cross-attention to the words of `prompt` at `spans`."""
        return AttentionRecorder(
            self.unet,
            {
                prompt[slice(*span)]: sorted(
                    {
                        place
                        for tokens in self._readings(prompt)
                        for place, token in enumerate(tokens, start=1)  # the start token is at 0
                        if token.start < span.stop and span.start < token.stop
                    }
                )
                for span in spans
            },
        )

    @torch.inference_mode()
    def generate(self, prompt: str, seeds: Sequence[int], guidance: float, steps: int) -> Tensor:
        """Return latents float32 (S, c, h, w); raises InputError if they are not finite."""
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        latents = self._draw([prompt] * len(seeds), guidance, steps, generators).float().cpu()
        if not latents.isfinite().all():
            raise self._not_finite("the images that it generates are", self.weights)
        return latents

    @torch.inference_mode()
    def encode_image(self, image: np.ndarray) -> Tensor:
        """Return the mode of the latent of an image, float32 (1, c, h, w); raises InputError as `decode` does."""
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None].to(self.device) / 127.5 - 1
        mode = self._finite(lambda: self.vae.encode(pixels.to(self.vae.dtype)).latent_dist.mode())
        return ((mode - self._shift) * self.vae.config.scaling_factor).cpu()

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        """Return images uint8 (S, H, W, 3), computed in float32 where half precision overflows: see `Denoiser`."""
        scaled = latents.to(self.device).float() / self.vae.config.scaling_factor + self._shift
        pixels = self._finite(lambda: self.vae.decode(scaled.to(self.vae.dtype)).sample)
        return ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()

    @torch.inference_mode()
    def own_predictions(self, prompt: str) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield noisy latents, level and noise of each of two calls of the pipeline: see `Adapter`."""
        seen: list[tuple[Tensor, Tensor, Tensor]] = []

        def look(_: torch.nn.Module, given: tuple, output: Any) -> None:
            z, step = given[:2]
            seen.append((z.float().cpu(), step.reshape(1).long().cpu(), output[0].float().cpu()))

        hook = self.unet.register_forward_hook(look)
        scheduler = self.pipeline.scheduler
        # Some schedulers stop between two trained levels; this one does not.
        self.pipeline.scheduler = DDIMScheduler.from_config(scheduler.config, timestep_spacing="leading")
        try:
            self._draw([prompt], 1.0, OWN_STEPS, [torch.Generator().manual_seed(0)])
        finally:
            self.pipeline.scheduler = scheduler
            hook.remove()
        for z, level, output in seen:
            yield z, level, self._noise(z, level, output)

    def _check(self) -> None:
        """Raise InputError if the pipeline cannot draw from text alone."""
        pipeline = self.pipeline
        prediction = pipeline.scheduler.config.get("prediction_type", "epsilon")
        taken, made = pipeline.unet.config.in_channels, pipeline.vae.config.latent_channels
        if pipeline.tokenizer is None or pipeline.text_encoder is None:
            raise self._refused("it has no tokenizer and text encoder of its own", "use a base model")
        if taken != made:
            why = f"its U-Net takes {taken} channels and its autoencoder makes {made}: it needs more than text"
            raise self._refused(why, "use a text-to-image model")
        if not hasattr(pipeline.scheduler, "alphas_cumprod"):
            why = f"{type(pipeline.scheduler).__name__} has no schedule of trained noise levels"
            raise self._refused(why, "use a model with a scheduler of betas, as DDIMScheduler")
        if prediction not in PREDICTIONS:
            raise self._refused(f"it predicts {prediction!r}", f"use one that predicts {' or '.join(PREDICTIONS)}")

    def _refused(self, why: str, mend: str) -> InputError:
        return InputError(f"model {self.name}", why, mend)

    def _limit_texts(self) -> int:
        """Let no tokenizer give more tokens than its encoder reads; returns the least number."""
        for tokenizer, encoder in self._encoders:
            tokenizer.model_max_length = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
        return min(tokenizer.model_max_length for tokenizer in self._tokenizers)

    @property
    def _tokenizers(self) -> list[Any]:
        return [tokenizer for tokenizer, _ in self._encoders]

    @property
    def _encoders(self) -> list[tuple[Any, Any]]:
        """Each tokenizer of the pipeline with its text encoder."""
        both = [(f"tokenizer{suffix}", f"text_encoder{suffix}") for suffix in ("", "_2")]
        parts = [tuple(getattr(self.pipeline, name, None) for name in names) for names in both]
        return [(tokenizer, encoder) for tokenizer, encoder in parts if tokenizer is not None and encoder is not None]

    def _draw(self, prompts: list[str], guidance: float, steps: int, generators: list[torch.Generator]) -> Tensor:
        """The latents that the pipeline's own call ends with."""
        _, height, width = self.latent_shape
        result = self.pipeline(
            prompts,
            height=height * self.pipeline.vae_scale_factor,
            width=width * self.pipeline.vae_scale_factor,
            guidance_scale=guidance,
            num_inference_steps=steps,
            generator=generators,
            output_type="latent",
        )
        return result.images

    def _arguments(self, tensors: dict[str, Tensor]) -> dict[str, Any]:
        return dict(tensors)

    def _guidance(self, count: int) -> dict[str, Tensor]:
        """What a U-Net that is told the guidance is told of none, as its pipeline does; nothing of other U-Nets."""
        size = self.unet.config.time_cond_proj_dim
        if size is None:
            return {}
        embedded = self.pipeline.get_guidance_scale_embedding(torch.zeros(count), embedding_dim=size)
        return {"timestep_cond": embedded.to(self.device, self.weights)}

    def _noise(self, z: Tensor, level: Tensor, output: Tensor) -> Tensor:
        """The noise in `z` that an output of the U-Net stands for."""
        if self.prediction == "epsilon":
            return output
        alpha = self.alphas[level.cpu()].view(-1, 1, 1, 1).to(output.device, torch.float32)
        return alpha.sqrt() * output + (1 - alpha).sqrt() * z

    @property
    def _shift(self) -> float:
        return self.vae.config.shift_factor or 0

    def _finite(self, call: Any) -> Tensor:
        """What the autoencoder returns, in float32 if it overflows in its own precision."""
        found, dtype = call().float(), self.vae.dtype
        if found.isfinite().all():
            return found
        if dtype != torch.float32:
            self.vae.float()
            try:
                found = call()
            finally:
                self.vae.to(dtype)
        if not found.isfinite().all():
            raise self._not_finite("what its autoencoder returns is", torch.float32)
        return found

    def _not_finite(self, what: str, dtype: torch.dtype) -> InputError:
        mend = "check its weights" if dtype == torch.float32 else "use --dtype float32 or bfloat16"
        return self._refused(f"{what} not finite in {str(dtype).removeprefix('torch.')}", mend)


class XLDenoiser(UNetDenoiser):
    """A `StableDiffusionXLPipeline` as an `Adapter`, told that images have the model's own size, uncropped."""

    options: ClassVar[Mapping[str, Any]] = MappingProxyType({"feature_extractor": None, "image_encoder": None})

    def __init__(self, pipeline: DiffusionPipeline, name: str, revision: str, vocabulary: frozenset[str] | None = None):
        """Raises InputError as `UNetDenoiser` does."""
        super().__init__(pipeline, name, revision, vocabulary)
        if self.vae.config.force_upcast:
            self.vae.to(torch.float32)

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> Conditioning:
        """Return the conditioning of K texts: states of both encoders, the pooled ones, and sizes in pixels."""
        embedded, _, pooled, _ = self.pipeline.encode_prompt(
            list(texts), device=self.device, num_images_per_prompt=1, do_classifier_free_guidance=False
        )
        height, width = (size * self.pipeline.vae_scale_factor for size in self.latent_shape[1:])
        sizes = torch.tensor([[height, width, 0, 0, height, width]], device=self.device, dtype=embedded.dtype)
        return Conditioning(
            {"encoder_hidden_states": embedded, "text_embeds": pooled, "time_ids": sizes.repeat(len(texts), 1)}
        )

    def _arguments(self, tensors: dict[str, Tensor]) -> dict[str, Any]:
        added = dict(tensors)
        return {"encoder_hidden_states": added.pop("encoder_hidden_states"), "added_cond_kwargs": added}
