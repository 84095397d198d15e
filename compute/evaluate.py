"""Denoiser evaluations under shared noise, gathered as the distances that everything else is linear in."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from compute.conditions import Conditions
from compute.denoiser import Denoiser
from compute.noise import REPLICATES, NoiseLevels

BATCH = 32  # denoiser evaluations at once
NOISE_STREAM = 0x5EED5EED  # keeps this noise apart from the noise that an image of the same seed grew from


@dataclass(frozen=True)
class Evaluation:
    """What was measured of one image: integrals over log SNR, in nats per latent pixel.

    `distance[r, e]` is 1/2 Int E (e_k - e_l)^2 da for edge e = (k, l) of the conditions, `error[r, k]`
    is 1/2 Int E (eps - e_k)^2 da, each from replicate r alone (Kong et al. 2024, section 2).
    `curve[b, e]` is the integrand of edge e summed over pixels, in band b of log SNR, NaN where nothing fell.
    """

    conditions: Conditions
    distance: np.ndarray  # float64 (REPLICATES, E, h, w)
    error: np.ndarray  # float64 (REPLICATES, K, h, w)
    curve: np.ndarray  # float64 (BANDS, E)
    log_snr: np.ndarray  # float64 (BANDS,), centres

    @property
    def finite(self) -> bool:
        """Whether the model returned numbers throughout."""
        return bool(np.isfinite(self.distance).all() and np.isfinite(self.error).all())


@torch.inference_mode()
def evaluate(
    denoiser: Denoiser,
    levels: NoiseLevels,
    latent: Tensor,
    conditions: Conditions,
    noises: int,
    seed: int,
    batch: int = BATCH,
) -> Iterator[int | Evaluation]:
    """Evaluate one latent (c, h, w) under every condition; yields noises done, at the end the Evaluation.

    Every noise is used with both signs (antithetic pairs) and for all conditions alike: with a fresh noise each,
    the errors of two conditions would not cancel in their difference. `seed` decides levels and noises; `batch` is
    how many denoiser evaluations are made at once.
    """
    generator = torch.Generator().manual_seed(seed ^ NOISE_STREAM)
    drawn = levels.draw(noises, generator)  # (REPLICATES, n)
    encoded = denoiser.encode(conditions.texts)
    edges = torch.tensor(conditions.edges)  # (E, 2)
    count, pixels = len(conditions.texts), latent.shape[1:]
    distance = torch.zeros(REPLICATES, len(edges), *pixels, dtype=torch.float64)
    error = torch.zeros(REPLICATES, count, *pixels, dtype=torch.float64)
    gathered: list[Tensor] = []
    flat = drawn.flatten()
    step = max(1, batch // (2 * count))
    for start in range(0, len(flat), step):
        chosen = flat[start : start + step]
        noise = torch.stack([torch.randn(latent.shape, generator=generator) for _ in chosen])
        noise = torch.stack([noise, -noise], 1)  # (n, 2, c, h, w)
        log_snr = levels.log_snr[chosen].view(-1, 1, 1, 1, 1)
        z = (log_snr.sigmoid().sqrt() * latent + (-log_snr).sigmoid().sqrt() * noise).float()
        repeated = z.flatten(0, 1).repeat_interleave(count, 0)  # (n 2 K, c, h, w)
        level = levels.level[chosen].repeat_interleave(2 * count)
        predicted = denoiser.predict_noise(repeated, level, encoded.repeat(2 * len(chosen)))
        predicted = predicted.view(len(chosen), 2, count, *latent.shape).cpu().float()
        shifts = predicted[:, :, edges[:, 0]] - predicted[:, :, edges[:, 1]]
        far = 0.5 * shifts.square().sum(3).mean(1).double()  # (n, E, h, w)
        off = 0.5 * (noise.unsqueeze(2) - predicted).square().sum(3).mean(1).double()  # (n, K, h, w)
        replicate = torch.arange(start, start + len(chosen)) // drawn.shape[1]
        distance.index_add_(0, replicate, far)
        error.index_add_(0, replicate, off)
        gathered.append(far.sum((2, 3)))
        yield 2 * (start + len(chosen))
    scale = levels.total / drawn.shape[1]
    bands = levels.bands()
    yield Evaluation(
        conditions,
        (scale * distance).numpy(),
        (scale * error).numpy(),
        _band_means(torch.cat(gathered), levels.log_snr[flat], bands).numpy(),
        ((bands[1:] + bands[:-1]) / 2).numpy(),
    )


def _band_means(values: Tensor, log_snr: Tensor, edges: Tensor) -> Tensor:
    """Means of values (n, E) in the bands between `edges`, (BANDS, E); NaN where a band is empty."""
    band = (torch.searchsorted(edges, log_snr) - 1).clamp(0, len(edges) - 2)
    sums = torch.zeros(len(edges) - 1, values.shape[1], dtype=values.dtype).index_add_(0, band, values)
    return sums / torch.bincount(band, minlength=len(edges) - 1).unsqueeze(1)
