"""Images and latents: the way between what a pipeline's loop ends with and what its autoencoder decodes."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from compute.models.replay.learning import CallManner
from compute.models.replay.recording import Time, device_of
from store.errors import InputError

TOLERANCE = {torch.float32: 1e-4}
HALF = 2e-2


class Autoencoder:
    """The autoencoder `vae` of a pipeline whose calls have a `manner`, asked at `time`.

    The pipeline's way from its loop to what its autoencoder decodes is affine in each element, so two recordings of
    it, of zeros and of ones, tell the way and the way back. A third shows that it is.
    """

    def __init__(self, vae: Any, manner: CallManner, time: Time, name: str):
        self._vae, self._manner, self._time, self._name = vae, manner, time, name
        self._network: Any = manner.recorder.denoiser
        if vae.config.get("force_upcast"):
            vae.float()

    def encode(self, image: np.ndarray) -> Tensor:
        """Return the mode of the latent of an image, uint8 (H, W, 3), float32 (1, c, h, w)."""
        offset, scale = self._way
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None].to(offset.device) / 127.5 - 1
        pixels = pixels.unsqueeze(2) if offset.dim() == 5 else pixels
        inside = self._finite(lambda: _latent(self._vae.encode(pixels.to(self._vae.dtype))))
        return ((inside - offset) / scale).reshape(1, *self._manner.grid.shape).cpu()

    def decode(self, latents: Tensor) -> np.ndarray:
        """Return images uint8 (S, H, W, 3) of latents (S, c, h, w)."""
        offset, scale = self._way
        inside = latents.to(offset.device).float().reshape(-1, *offset.shape[1:]) * scale + offset
        pixels = self._finite(lambda: self._vae.decode(inside.to(self._vae.dtype), return_dict=False)[0])
        pixels = pixels.squeeze(2) if pixels.dim() == 5 else pixels
        return ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()

    @cached_property
    def _way(self) -> tuple[Tensor, Tensor]:
        """What is added to latents on their grid, and what they are multiplied with before, float32 (1, ...)."""
        zeros = torch.zeros(1, *self._manner.grid.shape, device=device_of(self._manner.recorder.pipeline))
        offset = self._inside(zeros)
        scale = self._inside(zeros + 1) - offset
        some = torch.randn(zeros.shape, generator=torch.Generator().manual_seed(0)).to(zeros)
        found, expected = self._inside(some), some.reshape(offset.shape) * scale + offset
        tolerance = TOLERANCE.get(self._network.dtype, HALF)
        if not torch.allclose(found, expected, rtol=tolerance, atol=tolerance):
            why = "what its autoencoder decodes does not follow from its latents pixel by pixel"
            raise InputError(f"model {self._name!r}", why, "use another pipeline")
        return offset, scale

    def _inside(self, latents: Tensor) -> Tensor:
        looped = self._manner.grid.pack(latents).to(self._network.dtype)
        return self._manner.recorder.decoded(looped, self._time).float()

    def _finite(self, call: Callable[[], Tensor]) -> Tensor:
        """What the autoencoder returns, in float32 if it overflows in its own precision."""
        found, dtype = self._whole_or_tiled(call).float(), self._vae.dtype
        if found.isfinite().all():
            return found
        if dtype != torch.float32:
            self._vae.float()
            try:
                found = call()
            finally:
                self._vae.to(dtype)
        if not found.isfinite().all():
            why = "what its autoencoder returns is not finite in float32"
            raise InputError(f"model {self._name!r}", why, "check its weights")
        return found

    def _whole_or_tiled(self, call: Callable[[], Tensor]) -> Tensor:
        """What the autoencoder returns, image by image and tile by tile if memory does not suffice for all at once."""
        try:
            return call()
        except torch.OutOfMemoryError:
            if getattr(self._vae, "use_tiling", True):  # or it knows of none
                raise
        self._vae.enable_slicing()
        self._vae.enable_tiling()
        return call()


def _latent(encoded: object) -> Tensor:
    """The latent of what an autoencoder returns: the mode where it is a distribution."""
    return encoded.latent if hasattr(encoded, "latent") else encoded.latent_dist.mode()  # type: ignore[attr-defined]
