"""The images that information is measured about: generated from seeds, or uploaded."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from compute.models.denoiser import Denoiser
from store.errors import InputError
from store.jobs import Picture


def generate(denoiser: Denoiser, prompt: str, seed: int, guidance: float, steps: int) -> np.ndarray:
    """Return the latent of `seed`, drawn in `steps` steps, as it is stored and evaluated: float16 (c, h, w).

    Guidance shapes the image only; the denoiser is always evaluated without it.

    Raises
    ------
    InputError: the model returned values that are not finite.
    """
    return _stored(denoiser, denoiser.generate(prompt, [seed], guidance, steps))


def encode(denoiser: Denoiser, picture: Picture) -> np.ndarray:
    """Return the latent float16 (c, h, w) of a picture, cut to the shape of the model's images and resized.

    Raises
    ------
    InputError: it cannot be read, or the model returned values that are not finite.
    """
    image = picture.opened()
    height, width = denoiser.decode(torch.zeros(1, *denoiser.latent_shape)).shape[1:3]
    scale = min(image.width / width, image.height / height)
    wide, high = round(scale * width), round(scale * height)
    left, top = (image.width - wide) // 2, (image.height - high) // 2
    fitted = image.resize((width, height), Image.Resampling.LANCZOS, (left, top, left + wide, top + high))
    return _stored(denoiser, denoiser.encode_image(np.array(fitted)))


def as_tensor(latents: np.ndarray) -> Tensor:
    """Return stored latents as float32."""
    return torch.from_numpy(latents.astype(np.float32))


def _stored(denoiser: Denoiser, latents: Tensor) -> np.ndarray:
    """The one latent of `latents` in float16."""
    stored = latents[0].half()
    if not stored.isfinite().all():
        raise InputError(
            f"model {denoiser.name}", "its latents are larger than 65,504, the most that is stored", "check its weights"
        )
    return stored.numpy()
