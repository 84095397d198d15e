"""Other ways to draw noise levels, which the engine's own is held against: only the sampling differs.

Every level is trained and exact, and every noise is shared by all conditions.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from compute.estimation.noise_levels import Draws, NoiseLevels
from store.pid.information import REPLICATES


@dataclass(frozen=True)
class Logistic(NoiseLevels):
    """Independent noise levels from a logistic density over log SNR, cut off `clip` scales from its centre.

    ITD draws so, with location 1, scale 2 and clip 4 for Stable Diffusion (Kong et al. 2024, appendix).
    """

    location: float = 1.0
    scale: float = 2.0
    clip: float = 4.0

    def draw(self, noises: int, generator: torch.Generator) -> Draws:
        """Return independent draws: nothing is stratified, no noise has an opposite."""
        away = (self.log_snr - self.location) / self.scale
        height = away.sigmoid() * (-away).sigmoid() * (away.abs() <= self.clip)
        return _independent(self, self.width * height, noises, generator)


@dataclass(frozen=True)
class Uniform(NoiseLevels):
    """Independent noise levels, evenly over log SNR between `lowest` and `highest`."""

    lowest: float = -5.0
    highest: float = 7.0

    def draw(self, noises: int, generator: torch.Generator) -> Draws:
        """Return independent draws."""
        within = (self.log_snr >= self.lowest) & (self.log_snr <= self.highest)
        return _independent(self, self.width * within, noises, generator)


@dataclass(frozen=True)
class Apart(NoiseLevels):
    """Noise levels in strata that each replicate has for itself, evenly over log SNR, in antithetic pairs."""

    def draw(self, noises: int, generator: torch.Generator) -> Draws:
        """Return as many draws in each replicate."""
        count = noises // (2 * REPLICATES)
        jitter = torch.rand(REPLICATES, count, generator=generator, dtype=torch.float64)
        place = (torch.arange(count) + jitter).flatten() / count * self.width.sum()
        position = torch.searchsorted(self.width.cumsum(0), place).clamp(max=len(self.level) - 1)
        return Draws(position, self.width.sum().expand(len(position)), _one_each(len(position)))


def _independent(levels: NoiseLevels, density: Tensor, noises: int, generator: torch.Generator) -> Draws:
    probability = density / density.sum()
    position = torch.multinomial(probability, noises, replacement=True, generator=generator)
    return Draws(position, (levels.width / probability)[position], _one_each(noises), signs=(1,))


def _one_each(count: int) -> Tensor:
    """Shares of `count` draws that lie in one replicate each, float64 (REPLICATES, count)."""
    return REPLICATES * torch.eye(REPLICATES, dtype=torch.float64).repeat_interleave(count // REPLICATES, 1)
