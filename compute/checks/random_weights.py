"""Pipelines of real size with random weights, built from their configurations: speed and memory without a download."""

import string
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DiffusionPipeline,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    SchedulerMixin,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from compute.models.registry import DTYPES
from compute.models.replay.adapter import PipelineAdapter
from store.errors import InputError

SPREAD = 0.02  # of random weights
VOCABULARY = 49408  # tokens of CLIP
SHARD = "2GB"  # of a saved file: while one is written, it is in memory twice

SD_2 = {  # stabilityai/stable-diffusion-2-1, unet/config.json
    "sample_size": 96,
    "cross_attention_dim": 1024,
    "attention_head_dim": (5, 10, 20, 20),
    "use_linear_projection": True,
}
SDXL = {  # stabilityai/stable-diffusion-xl-base-1.0, unet/config.json
    "sample_size": 128,
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
SD_3_5 = {  # stabilityai/stable-diffusion-3.5-medium, transformer/config.json
    "sample_size": 128,
    "in_channels": 16,
    "out_channels": 16,
    "num_layers": 24,
    "attention_head_dim": 64,
    "num_attention_heads": 24,
    "caption_projection_dim": 1536,
    "joint_attention_dim": 4096,
    "pooled_projection_dim": 2048,
    "pos_embed_max_size": 384,
    "dual_attention_layers": tuple(range(13)),
    "qk_norm": "rms_norm",
}
# Widths, layers, heads and inner widths of CLIP: text_encoder/config.json of the same models
CLIP_L, CLIP_H, CLIP_G = (768, 12, 12, 3072), (1024, 23, 16, 4096), (1280, 32, 20, 5120)
VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
}
LIGHT_VAE = VAE | {"block_out_channels": (8,) * 4, "layers_per_block": 1, "norm_num_groups": 4}


@dataclass(frozen=True)
class RealModel:
    """How one model is put together.

    `texts` has the class and the size of each text encoder, `vae` what its autoencoder has besides VAE.
    """

    pipeline: type
    denoiser: Callable[[], nn.Module]
    scheduler: Callable[[], SchedulerMixin]
    texts: tuple[tuple[type, tuple[int, int, int, int]], ...]
    vae: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)  # further options of the pipeline


MODELS = {
    "sd-2.1": RealModel(
        pipeline=StableDiffusionPipeline,
        denoiser=lambda: UNet2DConditionModel(**SD_2),
        scheduler=lambda: DDIMScheduler(
            beta_schedule="scaled_linear", prediction_type="v_prediction", clip_sample=False, steps_offset=1
        ),
        texts=((CLIPTextModel, CLIP_H),),
        more={"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
    ),
    "sdxl": RealModel(
        pipeline=StableDiffusionXLPipeline,
        denoiser=lambda: UNet2DConditionModel(**SDXL),
        scheduler=lambda: EulerDiscreteScheduler(beta_schedule="scaled_linear", steps_offset=1),
        texts=((CLIPTextModel, CLIP_L), (CLIPTextModelWithProjection, CLIP_G)),
        vae={"scaling_factor": 0.13025, "force_upcast": True},
        more={"add_watermarker": False},
    ),
    "sd-3.5-medium": RealModel(  # without its T5, which its pipeline can do without
        pipeline=StableDiffusion3Pipeline,
        denoiser=lambda: SD3Transformer2DModel(**SD_3_5),
        scheduler=lambda: FlowMatchEulerDiscreteScheduler(shift=3.0),
        texts=((CLIPTextModelWithProjection, CLIP_L), (CLIPTextModelWithProjection, CLIP_G)),
        vae={"latent_channels": 16, "scaling_factor": 1.5305, "shift_factor": 0.0609, "force_upcast": True},
        more={"text_encoder_3": None, "tokenizer_3": None},
    ),
}


def build(model: str, dtype: torch.dtype, device: torch.device, size: tuple[int, int] | None = None) -> PipelineAdapter:
    """Return the adapter of `model`, one of MODELS, with random weights; its images are of `size` in pixels.

    Only its denoiser has the real size: text encoders and autoencoder count for nothing once texts are encoded.

    Raises
    ------
    InputError: there is no such model.
    """
    pipeline = _assembled(_known(model), dtype, device, light=True)
    return PipelineAdapter(pipeline, f"{model}, random weights", "random", size=size)


def save(model: str, folder: Path, dtype: str) -> None:
    """Save `model`, one of MODELS, in `folder`, all parts in real size; done in a process of its own, for its memory.

    Raises
    ------
    InputError: there is no such model.
    """
    _known(model)
    subprocess.run([sys.executable, "-m", __name__, model, str(folder), dtype], check=True)


def _known(model: str) -> RealModel:
    if model not in MODELS:
        raise InputError(f"--random-weights: model {model!r}", "not known", f"use one of {', '.join(MODELS)}")
    return MODELS[model]


def _assembled(real: RealModel, dtype: torch.dtype, device: torch.device, light: bool = False) -> DiffusionPipeline:
    """The pipeline; only the denoiser has its real size in a `light` one."""
    torch.manual_seed(0)
    words, parts = _tokenizer(), dict(real.more)
    for number, (kind, clip) in enumerate(real.texts, 1):
        suffix = "" if number == 1 else f"_{number}"
        text = _text(words, *((clip[0], 2, clip[2], 64) if light else clip))
        parts[f"tokenizer{suffix}"] = words
        parts[f"text_encoder{suffix}"] = drawn(partial(kind, text), dtype, device)
    vae = {**(LIGHT_VAE if light else VAE), **real.vae}
    parts["vae"] = drawn(lambda: AutoencoderKL(**vae), dtype, device)
    denoiser = drawn(real.denoiser, dtype, device)
    parts["unet" if isinstance(denoiser, UNet2DConditionModel) else "transformer"] = denoiser
    return real.pipeline(scheduler=real.scheduler(), **parts)


def drawn(make: Callable[[], nn.Module], dtype: torch.dtype, device: torch.device) -> nn.Module:
    """Return what `make` makes, with random weights that are drawn on `device`: norms scale by one."""
    with torch.device("meta"):
        network = make()
    network = network.to(dtype).to_empty(device=device)
    with torch.no_grad():
        for name, values in (*network.named_parameters(), *network.named_buffers()):
            if values.dim() == 1 and name.endswith("weight"):
                values.fill_(1)
            elif values.is_floating_point():
                values.normal_(0, SPREAD)
            else:
                values.copy_(torch.arange(values.numel()).view_as(values))  # places of tokens
    return network


def _tokenizer() -> CLIPTokenizer:
    """One token a letter, 77 of them."""
    letters = string.ascii_lowercase + string.digits + string.punctuation
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[], model_max_length=77)


def _text(words: CLIPTokenizer, width: int, layers: int, heads: int, inner: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        projection_dim=width,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )


if __name__ == "__main__":
    diffusers.utils.logging.disable_progress_bar()
    _assembled(MODELS[sys.argv[1]], DTYPES[sys.argv[3]], torch.device("cpu")).save_pretrained(
        sys.argv[2], safe_serialization=True, max_shard_size=SHARD
    )
