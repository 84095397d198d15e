"""What every model must offer: `Denoiser` to be decomposed, `Adapter` to be loaded from a saved pipeline besides."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from compute.models.attention import AttentionRecorder
from store.prompts.conditions import Reader
from store.records import Span


def sent(values: Tensor, device: torch.device) -> Tensor:
    """Return `values` on `device`; a GPU that is at work meanwhile keeps nobody waiting."""
    if device.type == "cuda" and values.device.type == "cpu":
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)


class Conditioning(Protocol):
    """K encoded texts."""

    def select(self, texts: Tensor) -> "Conditioning":
        """Return the texts at these places, int64 (B,), which may repeat."""


class Denoiser(Reader, Protocol):
    """A text-conditional diffusion model in variance-preserving form, predicting the noise."""

    latent_shape: tuple[int, int, int]  # (c, h, w)
    log_snr: Tensor  # float64 (T,), log SNR of each trained level, +-inf allowed
    dtypes: tuple[torch.dtype, ...]  # in which it can compute, the most precise first
    computes: torch.dtype  # in which it does, unless told otherwise
    convolves: bool  # whether how its weights are laid out may make it faster

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of its results has to know of it, in sentences."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    def encode(self, texts: Sequence[str]) -> Conditioning:
        """Return the conditioning of K texts."""

    def predict_noise(self, z: Tensor, level: Tensor, conditioning: Any) -> Tensor:
        """Return the predicted noise, float32 (B, c, h, w), without classifier-free guidance.

        `z` float32 (B, c, h, w) is noisy with the SNR of the trained `level`, int64 (B,). `conditioning` holds B texts
        as `encode` returns them.
        """

    def computing_in(self, dtype: torch.dtype) -> AbstractContextManager[None]:
        """Return a context within which `predict_noise` computes in `dtype`, one of `dtypes`."""

    def lay_out(self, channels_last: bool) -> None:
        """Compute with channels last in memory from now on, or first; predictions differ by rounding alone."""

    def attention(self, prompt: str, spans: Sequence[Span]) -> AttentionRecorder | None:
        """Return what records the cross-attention to words of `prompt`, None where the model has none to record."""

    def generate(self, prompt: str, seeds: Sequence[int], guidance: float, steps: int) -> Tensor:
        """Return latents float32 (S, c, h, w), each decided by its seed alone.

        Raises
        ------
        InputError: values are not finite, and which precision to use instead.
        """

    def encode_image(self, image: np.ndarray) -> Tensor:
        """Return the latent float32 (1, c, h, w) of an image, uint8 (H, W, 3). Raises InputError as `decode` does."""

    def decode(self, latents: Tensor) -> np.ndarray:
        """Return images uint8 (S, H, W, 3) of latents (S, c, h, w).

        Raises
        ------
        InputError: values are not finite, in float32 neither.
        """


class Adapter(Denoiser, Protocol):
    """A denoiser made of a saved diffusers pipeline."""

    weights: torch.dtype  # of the weights now

    def own_predictions(self, prompt: str) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield what the pipeline's own call computes when it draws `prompt` without guidance.

        The noisy latents float32 (1, c, h, w), their trained level, int64 (1,), and the predicted noise, float32
        (1, c, h, w), at a few levels.
        """
