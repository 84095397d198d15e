"""Pipelines of real size with random weights, built from their configurations: for speed, where nothing is downloaded.

The denoiser is as large as that of the model. Text encoders, autoencoder and vocabulary are small: they count for
nothing once texts are encoded.
"""

import string
from collections.abc import Callable

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DiffusionPipeline,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from compute.models.replay.adapter import PipelineAdapter
from store.errors import InputError

SPREAD = 0.02  # of random weights
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


def build(model: str, dtype: torch.dtype, device: torch.device, size: tuple[int, int] | None = None) -> PipelineAdapter:
    """Return the adapter of `model`, one of MODELS, with random weights; its images are of `size` in pixels.

    Raises
    ------
    InputError: there is no such model.
    """
    if model not in MODELS:
        raise InputError(f"--random-weights: model {model!r}", "not known", f"use one of {', '.join(MODELS)}")
    torch.manual_seed(0)
    return PipelineAdapter(MODELS[model](dtype, device), f"{model}, random weights", "random", size=size)


def _stable_diffusion(dtype: torch.dtype, device: torch.device) -> DiffusionPipeline:
    words = _tokenizer()
    return StableDiffusionPipeline(
        vae=_autoencoder(4).to(device, dtype),
        text_encoder=CLIPTextModel(_text(words, 1024)).to(device, dtype),
        tokenizer=words,
        unet=drawn(lambda: UNet2DConditionModel(**SD_2), dtype, device),
        scheduler=DDIMScheduler(
            beta_schedule="scaled_linear", prediction_type="v_prediction", clip_sample=False, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _stable_diffusion_xl(dtype: torch.dtype, device: torch.device) -> DiffusionPipeline:
    words = _tokenizer()
    return StableDiffusionXLPipeline(
        vae=_autoencoder(4).to(device, dtype),
        text_encoder=CLIPTextModel(_text(words, 768)).to(device, dtype),
        text_encoder_2=CLIPTextModelWithProjection(_text(words, 1280)).to(device, dtype),
        tokenizer=words,
        tokenizer_2=words,
        unet=drawn(lambda: UNet2DConditionModel(**SDXL), dtype, device),
        scheduler=EulerDiscreteScheduler(beta_schedule="scaled_linear", steps_offset=1),
        add_watermarker=False,
    )


def _stable_diffusion_3(dtype: torch.dtype, device: torch.device) -> DiffusionPipeline:
    words = _tokenizer()
    return StableDiffusion3Pipeline(
        vae=_autoencoder(16).to(device, dtype),
        text_encoder=CLIPTextModelWithProjection(_text(words, 768)).to(device, dtype),
        text_encoder_2=CLIPTextModelWithProjection(_text(words, 1280)).to(device, dtype),
        text_encoder_3=None,
        tokenizer=words,
        tokenizer_2=words,
        tokenizer_3=None,
        transformer=drawn(lambda: SD3Transformer2DModel(**SD_3_5), dtype, device),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    )


MODELS: dict[str, Callable[[torch.dtype, torch.device], DiffusionPipeline]] = {
    "sd-2.1": _stable_diffusion,
    "sdxl": _stable_diffusion_xl,
    "sd-3.5-medium": _stable_diffusion_3,
}


def drawn(make: Callable[[], nn.Module], dtype: torch.dtype, device: torch.device) -> nn.Module:
    """Return what `make` makes, with random weights that are drawn on `device`: norms scale by one."""
    with torch.device("meta"):
        network = make()
    network = network.to(dtype).to_empty(device=device)
    with torch.no_grad():
        for name, values in (*network.named_parameters(), *network.named_buffers()):
            if values.dim() == 1 and name.endswith("weight"):
                values.fill_(1)
            else:
                values.normal_(0, SPREAD)
    return network


def _tokenizer() -> CLIPTokenizer:
    """One token a letter, 77 of them."""
    letters = string.ascii_lowercase + string.digits + string.punctuation
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[], model_max_length=77)


def _text(words: CLIPTokenizer, width: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=width,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=width // 64,
        projection_dim=width,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )


def _autoencoder(channels: int) -> AutoencoderKL:
    """Eight pixels to a latent one."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8,) * 4,
        latent_channels=channels,
        norm_num_groups=4,
        sample_size=64,
    )
