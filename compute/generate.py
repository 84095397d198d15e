"""The images that information is measured about: generated from seeds, uploaded, or already in the store."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from compute.denoiser import Denoiser
from store.errors import InputError

STEPS = 30
TOGETHER = 8  # images generated at once


def generate(denoiser: Denoiser, prompt: str, seeds: Sequence[int], guidance: float) -> np.ndarray:
    """Latents of `seeds` as they are stored and evaluated, float16 (S, c, h, w).

    Guidance shapes the images only; the denoiser is always evaluated without it.
    """
    parts = [
        denoiser.generate(prompt, seeds[start : start + TOGETHER], guidance, STEPS)
        for start in range(0, len(seeds), TOGETHER)
    ]
    return torch.cat(parts).half().numpy()


def as_tensor(latents: np.ndarray) -> Tensor:
    """Stored latents as float32."""
    return torch.from_numpy(latents.astype(np.float32))


def read_image(path: Path, denoiser: Denoiser) -> tuple[np.ndarray, str]:
    """The latent float16 (1, c, h, w) of an image file, cut square and resized, and the file's SHA-256.

    Raises
    ------
    InputError: the file is missing or no image.
    """
    try:
        content = path.read_bytes()
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise InputError(f"image {path}", f"cannot be read ({error})", "give a PNG, JPEG or WebP file") from error
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    pixels = denoiser.decode(torch.zeros(1, *denoiser.latent_shape)).shape[1]
    square = picture.crop((left, top, left + side, top + side)).resize((pixels, pixels), Image.Resampling.LANCZOS)
    return denoiser.encode_image(np.array(square)).half().numpy(), hashlib.sha256(content).hexdigest()
