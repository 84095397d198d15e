"""The images that information is measured about: generated from seeds, or uploaded."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from compute.models.denoiser import Denoiser
from store.jobs import Picture

STEPS = 30


def generate(denoiser: Denoiser, prompt: str, seed: int, guidance: float) -> np.ndarray:
    """The latent of `seed` as it is stored and evaluated, float16 (c, h, w).

    Guidance shapes the image only; the denoiser is always evaluated without it.
    """
    return denoiser.generate(prompt, [seed], guidance, STEPS)[0].half().numpy()


def encode(denoiser: Denoiser, picture: Picture) -> np.ndarray:
    """The latent float16 (c, h, w) of an image, cut square and resized; raises InputError if it is none."""
    image = picture.opened()
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    pixels = denoiser.decode(torch.zeros(1, *denoiser.latent_shape)).shape[1]
    square = image.crop((left, top, left + side, top + side)).resize((pixels, pixels), Image.Resampling.LANCZOS)
    return denoiser.encode_image(np.array(square))[0].half().numpy()


def as_tensor(latents: np.ndarray) -> Tensor:
    """Stored latents as float32."""
    return torch.from_numpy(latents.astype(np.float32))
