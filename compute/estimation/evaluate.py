"""Denoiser evaluations under shared noise, gathered as the distances that everything else is linear in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from compute.estimation.batching import Asked, BatchedDenoiser
from compute.estimation.noise_levels import BANDS, MAP_BANDS, NoiseLevels
from compute.models.attention import AttentionRecorder
from compute.models.denoiser import Conditioning, sent
from store.pid.information import REPLICATES
from store.prompts.conditions import Conditions

TOGETHER = 4  # batches whose noises are drawn and whose distances are taken at once
NOISE_STREAM = 0x5EED5EED  # keeps this noise apart from the noise that an image of the same seed grew from
CPU = torch.device("cpu")
APART = 0x9E3779B97F4A7C15 >> 12  # keeps the noises of later rounds apart from those of other seeds


@dataclass(frozen=True)
class Evaluation:
    """What was measured of one image: integrals over log SNR, in nats per latent pixel.

    `distance[r, e]` is 1/2 Int E (e_k - e_l)^2 da for edge e = (k, l) of the conditions, `error[r, k]`
    is 1/2 Int E (eps - e_k)^2 da, each as replicate r counts (Kong et al. 2024, section 2). `bands[b]` is the part
    of `distance`, over all replicates, in band b of log SNR. `spectrum[r, t]` is distance (E) and error (K)
    summed over pixels, in band t alone. `curve[t]` is the integrand of `distance`, summed over pixels, NaN where
    nothing fell; `tail` estimates its integral below the lowest level.
    """

    conditions: Conditions
    distance: np.ndarray  # float64 (REPLICATES, E, h, w)
    error: np.ndarray  # float64 (REPLICATES, K, h, w)
    bands: np.ndarray  # float64 (MAP_BANDS, E, h, w)
    spectrum: np.ndarray  # float64 (REPLICATES, BANDS, E + K)
    curve: np.ndarray  # float64 (BANDS, E)
    edges: np.ndarray  # float64 (BANDS + 1,), log SNR
    tail: np.ndarray  # float64 (E,)
    noises: int
    retried: int
    attention: dict[str, dict[str, np.ndarray]]  # kind -> word -> float32 (h, w)


class Sums:
    """Running sums over noises on `device`: their size does not depend on how many there are."""

    def __init__(self, levels: NoiseLevels, conditions: Conditions, pixels: torch.Size, device: torch.device = CPU):
        edges, texts = len(conditions.edges), len(conditions.texts)
        self.levels, self.conditions, self.device = levels, conditions, device
        exact: dict[str, Any] = {"dtype": torch.float64, "device": device}
        self.distance = torch.zeros(REPLICATES, edges, *pixels, **exact)
        self.error = torch.zeros(REPLICATES, texts, *pixels, **exact)
        self.bands = torch.zeros(MAP_BANDS, edges, *pixels, **exact)
        self.spectrum = torch.zeros(REPLICATES, BANDS, edges + texts, **exact)
        self.lowest = torch.zeros(edges, **exact)
        self.weight = torch.zeros(BANDS, dtype=torch.float64)
        self.noises = self.draws = 0

    def add(self, position: Tensor, weight: Tensor, share: Tensor, far: Tensor, off: Tensor) -> None:
        """Distances `far` (n, E, h, w) and errors `off` (n, K, h, w) at n positions, as each counts in replicates."""
        band = self.levels.band_of(position)
        fall = (self.levels.log_snr[0] - self.levels.log_snr[position]).exp() * (band == 0) * weight
        self.weight.index_add_(0, band, weight)
        flat = torch.cat([far, off], 1).sum((2, 3))
        band, weight, counted, fall = (each.to(self.device) for each in (band, weight, share * weight, fall))
        self.distance += torch.tensordot(counted, far, 1)
        self.error += torch.tensordot(counted, off, 1)
        self.bands.index_add_(0, band * MAP_BANDS // BANDS, far * weight.view(-1, 1, 1, 1))
        self.spectrum.index_add_(1, band, counted[..., None] * flat)
        self.lowest += fall @ flat[:, : len(self.lowest)]

    def result(self, retried: int = 0, attention: dict[str, dict[str, np.ndarray]] | None = None) -> Evaluation:
        """What the sums say: they leave the device here alone."""
        edges, count = self.levels.bands(), len(self.lowest)
        distance, error, bands, spectrum, lowest = (
            each.cpu() for each in (self.distance, self.error, self.bands, self.spectrum, self.lowest)
        )
        return Evaluation(
            conditions=self.conditions,
            distance=(distance / self.draws).numpy(),
            error=(error / self.draws).numpy(),
            bands=(bands / self.draws).numpy(),
            spectrum=(spectrum / self.draws).numpy(),
            curve=(spectrum[..., :count].mean(0) / self.weight[:, None]).numpy(),
            edges=edges.numpy(),
            tail=(lowest / self.weight[0]).nan_to_num().numpy(),
            noises=self.noises,
            retried=retried,
            attention=attention or {},
        )


@torch.inference_mode()
def evaluate(
    batched: BatchedDenoiser,
    levels: NoiseLevels,
    latent: Tensor,
    conditions: Conditions,
    encoded: Conditioning,
    *,
    noises: int,
    seed: int,
    done: int = 0,
    recorder: AttentionRecorder | None = None,
    report: Callable[[int], None] = lambda _: None,
    sums: Sums | None = None,
) -> Evaluation:
    """Evaluate one latent (c, h, w) under every condition, at `noises` new noises; `report` is told how many are done.

    Every noise is used with both signs (antithetic pairs) and for all conditions alike: with a fresh noise each,
    the errors of two conditions would not cancel in their difference. `seed` and the noises `done` before decide
    levels and noises. `recorder` gathers the attention of the condition that is the whole prompt. What is found is
    added to `sums`, to new ones without them.

    Raises
    ------
    InputError: values are not finite in any precision, or nothing fits into memory.
    """
    generator = torch.Generator().manual_seed((seed ^ NOISE_STREAM) + done * APART)
    device = batched.denoiser.device if batched.denoiser.device.type == "cuda" else CPU
    sums, before = sums or Sums(levels, conditions, latent.shape[1:], device), batched.retried
    drawn = levels.draw(noises, generator)
    edges = torch.tensor(conditions.edges, device=device)  # (E, 2)
    count, signs = len(conditions.texts), torch.tensor(drawn.signs, dtype=latent.dtype).view(-1, 1, 1, 1)
    step = max(1, TOGETHER * batched.batch // (len(signs) * count))

    def add(taken: slice, noise: Tensor, asked: Asked) -> None:
        """Count what was asked about `noise` (n, signs, c, h, w) at the draws in `taken`."""
        predicted = batched.settle(asked).to(device, torch.float32).view(*noise.shape[:2], count, *latent.shape)
        shifts = predicted[:, :, edges[:, 0]] - predicted[:, :, edges[:, 1]]
        errors = sent(noise, device).unsqueeze(2) - predicted
        far, off = (0.5 * values.square().sum(3).mean(1).double() for values in (shifts, errors))
        sums.add(drawn.position[taken], drawn.weight[taken], drawn.share[:, taken], far, off)
        sums.noises += noise.shape[0] * noise.shape[1]
        sums.draws += len(noise)
        report(sums.noises)

    under_way: tuple[slice, Tensor, Asked] | None = None
    for start in range(0, len(drawn.position), step):
        taken = slice(start, start + step)
        chosen = drawn.position[taken]
        noise = torch.stack([torch.randn(latent.shape, generator=generator) for _ in chosen])
        noise = noise.unsqueeze(1) * signs  # (n, signs, c, h, w)
        log_snr = levels.log_snr[chosen].view(-1, 1, 1, 1, 1)
        z = (log_snr.sigmoid().sqrt() * latent + (-log_snr).sigmoid().sqrt() * noise).float()
        repeated = z.flatten(0, 1).repeat_interleave(count, 0)  # (n signs K, c, h, w)
        level = levels.level[chosen].repeat_interleave(len(signs) * count)
        text = torch.arange(count).repeat(len(chosen) * len(signs))
        asked = batched.ask(repeated, level, encoded, text, recorder, conditions.whole)
        if under_way:  # what a GPU has done by now: it has the next to do meanwhile
            add(*under_way)
        under_way = taken, noise, asked
        if batched.waits:
            add(*under_way)
            under_way = None
    if under_way:
        add(*under_way)
    return sums.result(batched.retried - before, recorder.maps(latent.shape[1:]) if recorder else {})
