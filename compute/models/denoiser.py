"""What every model must offer to be decomposed: the `Denoiser` protocol."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from compute.models.attention import AttentionRecorder
from store.prompts.conditions import Reader
from store.records import Span


@dataclass(frozen=True)
class Conditioning:
    """K encoded texts: tensors with leading dimension K, by the model's own argument names."""

    tensors: dict[str, Tensor]

    def select(self, texts: Tensor) -> "Conditioning":
        """The texts at these places, int64 (B,), which may repeat: tensors (B, ...)."""
        return Conditioning({name: values[texts.to(values.device)] for name, values in self.tensors.items()})


class Denoiser(Reader, Protocol):
    """A text-conditional diffusion model in variance-preserving form, predicting the noise."""

    latent_shape: tuple[int, int, int]  # (c, h, w)
    log_snr: Tensor  # float64 (T,), log SNR of each trained level, +-inf allowed
    dtypes: tuple[torch.dtype, ...]  # in which it can compute, the most precise first
    computes: torch.dtype  # in which it does, unless told otherwise

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    def encode(self, texts: Sequence[str]) -> Conditioning:
        """The conditioning of K texts."""

    def predict_noise(self, z: Tensor, level: Tensor, conditioning: Conditioning) -> Tensor:
        """The predicted noise, float32 (B, c, h, w), without classifier-free guidance.

        `z` float32 (B, c, h, w) is noisy with the SNR of the trained `level`, int64 (B,).
        """

    def computing_in(self, dtype: torch.dtype) -> AbstractContextManager[None]:
        """Within it, `predict_noise` computes in `dtype`, one of `dtypes`."""

    def attention(self, prompt: str, spans: Sequence[Span]) -> AttentionRecorder | None:
        """What records the cross-attention to words of `prompt`, or None where the model has none to record."""

    def generate(self, prompt: str, seeds: Sequence[int], guidance: float, steps: int) -> Tensor:
        """Latents float32 (S, c, h, w), each decided by its seed alone."""

    def encode_image(self, image: np.ndarray) -> Tensor:
        """The latent float32 (1, c, h, w) of an image, uint8 (H, W, 3)."""

    def decode(self, latents: Tensor) -> np.ndarray:
        """Images uint8 (S, H, W, 3) of latents (S, c, h, w)."""
