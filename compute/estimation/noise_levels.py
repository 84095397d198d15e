"""At which noise levels a model is asked, and with which weight: the integral over log SNR."""

from dataclasses import dataclass

import torch
from torch import Tensor

from store.errors import InputError
from store.jobs import check_noises
from store.pid.information import REPLICATES

SCHEME = f"antithetic noises on jittered strata, {REPLICATES} replicates, both estimators"
LOWEST, HIGHEST = -12.0, 8.0  # beyond, a trained network's error outweighs the information
BANDS = 18  # of the curve over log SNR
MAP_BANDS = 6  # of the maps, each of BANDS / MAP_BANDS bands


@dataclass(frozen=True)
class Draws:
    """Where noises fall: positions among the levels, int64 (REPLICATES, n), and what each weighs, float64.

    The integral is the mean of weight times integrand. Each position is used with the noise times each of `signs`.
    """

    position: Tensor
    weight: Tensor
    signs: tuple[int, ...] = (1, -1)


@dataclass(frozen=True)
class NoiseLevels:
    """The trained levels that take part, ascending in log SNR, each with its trapezoid width.

    Drawing a level with probability width / total makes every draw weigh `total`: the integral over
    log SNR is `total` times the mean of the integrand over draws. Only trained levels are used, with
    exactly their log SNR: snapping the timestep alone would bias the integral.
    """

    level: Tensor  # int64 (L,)
    log_snr: Tensor  # float64 (L,)
    width: Tensor  # float64 (L,)

    @classmethod
    def of(cls, log_snr: Tensor, lowest: float = LOWEST, highest: float = HIGHEST) -> "NoiseLevels":
        """The levels of a model whose trained levels have `log_snr` (T,), within [lowest, highest].

        Raises
        ------
        InputError: fewer than two levels lie there.
        """
        order = log_snr.argsort()
        inside = order[(log_snr[order] >= lowest) & (log_snr[order] <= highest)]
        if len(inside) < 2:
            raise InputError(
                "noise schedule",
                f"no trained levels with log SNR in [{lowest}, {highest}]",
                "check the model's scheduler",
            )
        chosen = log_snr[inside].double()
        gaps = chosen.diff()
        width = (torch.nn.functional.pad(gaps, (1, 0)) + torch.nn.functional.pad(gaps, (0, 1))) / 2
        return cls(inside, chosen, width)

    @property
    def total(self) -> float:
        """The length of the integral, in units of log SNR."""
        return float(self.width.sum())

    def draw(self, noises: int, generator: torch.Generator) -> Draws:
        """`noises` in antithetic pairs over REPLICATES, uniform in log SNR.

        Each replicate is stratified by itself, with jitter within the strata.
        """
        check_noises(noises)
        count = noises // (2 * REPLICATES)
        jitter = torch.rand(REPLICATES, count, generator=generator, dtype=torch.float64)
        place = (torch.arange(count) + jitter) / count * self.total
        position = torch.searchsorted(self.width.cumsum(0), place).clamp(max=len(self.level) - 1)
        return Draws(position, torch.full_like(place, self.total))

    def bands(self) -> Tensor:
        """Edges of BANDS equal bands of log SNR, float64 (BANDS + 1,)."""
        return torch.linspace(float(self.log_snr[0]), float(self.log_snr[-1]), BANDS + 1, dtype=torch.float64)

    def band_of(self, position: Tensor) -> Tensor:
        """In which of `bands` each position lies."""
        return (torch.searchsorted(self.bands(), self.log_snr[position]) - 1).clamp(0, BANDS - 1)
