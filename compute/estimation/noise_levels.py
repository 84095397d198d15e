"""At which noise levels a model is asked, and with which weight: the integral over log SNR."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from store.errors import InputError
from store.jobs import check_noises
from store.pid.information import REPLICATES

SCHEME = f"antithetic noises on joint strata, {REPLICATES} balanced replicates, both estimators"
FORMER = (
    f"antithetic noises on jittered strata, {REPLICATES} replicates, both estimators",
)  # as good, with more noises
LOWEST, HIGHEST = -12.0, 8.0  # beyond, a trained network's error outweighs the information
BANDS = 18  # of the curve over log SNR
MAP_BANDS = 6  # of the maps, each of BANDS / MAP_BANDS bands
EVERYWHERE = 0.15  # of noises that fall evenly over log SNR, whatever is known of a model
FLATTENED = 0.75  # power of the shares of information: rare large values need more draws than their mean says


@dataclass(frozen=True)
class Draws:
    """Where n noises fall: positions among the levels, int64 (n,), and what each weighs, float64 (n,).

    The integral is the mean of weight times integrand. `share`, float64 (REPLICATES, n), is how often each counts in
    each replicate; its mean over replicates is 1. Each position is used with the noise times each of `signs`.
    """

    position: Tensor
    weight: Tensor
    share: Tensor
    signs: tuple[int, ...] = (1, -1)


@dataclass(frozen=True)
class NoiseLevels:
    """The trained levels that take part, ascending in log SNR, each with its trapezoid width.

    A draw takes a level with its `probability` and weighs width / probability: the integral over log SNR is the mean
    of weight times integrand, whatever the probabilities are. Only trained levels are used, with exactly their log
    SNR: snapping the timestep alone would bias the integral.
    """

    level: Tensor  # int64 (L,)
    log_snr: Tensor  # float64 (L,)
    width: Tensor  # float64 (L,)
    probability: Tensor  # float64 (L,), sums to 1

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
        return cls(inside, chosen, width, width / width.sum())

    def focused(self, shares: Sequence[float]) -> "NoiseLevels":
        """Return the same levels, drawn more often in those of `bands` that have larger `shares` (>= 0) of information.

        They are drawn by the power FLATTENED of these shares. EVERYWHERE of the draws stay even over log SNR, so that
        no level is left out.
        """
        height = torch.tensor(shares, dtype=torch.float64) ** FLATTENED
        within = height[self.band_of(torch.arange(len(self.level)))] * self.width
        focus = within / within.sum()
        even = self.width / self.width.sum()
        return replace(self, probability=(1 - EVERYWHERE) * focus + EVERYWHERE * even)

    def draw(self, noises: int, generator: torch.Generator) -> Draws:
        """Draw `noises` in antithetic pairs, one pair in each of equally probable strata of log SNR.

        Neighbouring strata estimate the variance: each replicate counts one of two neighbours more and the other one
        less, by the rows of a Hadamard matrix, so that the jackknife over replicates gives the standard error of
        the stratified mean (balanced repeated replication; McCarthy 1969, Wolter 2007, chapter 3). Which column two
        neighbours follow, and with which sign, is decided by lot.
        """
        check_noises(noises)
        count = noises // 2
        place = (torch.arange(count) + torch.rand(count, generator=generator, dtype=torch.float64)) / count
        position = torch.searchsorted(self.probability.cumsum(0), place).clamp(max=len(self.level) - 1)
        return Draws(position, (self.width / self.probability)[position], _balanced(count, generator))

    def bands(self) -> Tensor:
        """Edges of BANDS equal bands of log SNR, float64 (BANDS + 1,)."""
        return torch.linspace(float(self.log_snr[0]), float(self.log_snr[-1]), BANDS + 1, dtype=torch.float64)

    def centres(self) -> Tensor:
        """Centres of `bands`, float64 (BANDS,)."""
        edges = self.bands()
        return (edges[1:] + edges[:-1]) / 2

    def band_of(self, position: Tensor) -> Tensor:
        """In which of `bands` each position lies."""
        return (torch.searchsorted(self.bands(), self.log_snr[position]) - 1).clamp(0, BANDS - 1)


def _balanced(count: int, generator: torch.Generator) -> Tensor:
    """How often each of `count` draws, neighbours in pairs, counts in each replicate, float64 (REPLICATES, count)."""
    contrasts = _hadamard(REPLICATES)[:, 1:]  # columns that sum to zero
    lots = [torch.randperm(REPLICATES - 1, generator=generator) for _ in range(-(-count // 2 // (REPLICATES - 1)))]
    column = torch.cat(lots)[: count // 2]
    sign = 2.0 * torch.randint(2, (count // 2,), generator=generator) - 1
    more = contrasts[:, column] * sign
    return 1 + (REPLICATES - 1) ** 0.5 * torch.stack([more, -more], -1).flatten(1)


def _hadamard(size: int) -> Tensor:
    """The Hadamard matrix of `size`, a power of two, float64."""
    matrix = torch.ones(1, 1, dtype=torch.float64)
    while len(matrix) < size:
        matrix = torch.cat([torch.cat([matrix, matrix], 1), torch.cat([matrix, -matrix], 1)])
    return matrix
