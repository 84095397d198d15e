"""What was measured of a pair of words: maps of information, each several times over.

S images, R independent replicates, an h x w latent grid, B and T bands of log SNR. All information is in nats, per
latent pixel and summed over channels, integrated over the log SNR in use (Kong et al. 2024, section 2).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from store.errors import InputError
from store.pid.totals import TOGETHER, Stated

NATS_PER_BIT = float(np.log(2))
ORTHOGONAL_MAPS = ("first", "second", "both", "between", "conditional_first", "conditional_second")
STANDARD_MAPS = ("standard_first", "standard_second", "standard_both")
INFORMATION = ORTHOGONAL_MAPS + STANDARD_MAPS
BANDED = ORTHOGONAL_MAPS[:4]
LEVELS = {
    "pixel": "parts are formed at each pixel and added up",
    "image": "the information of all pixels is added up first, then parts are formed",
    TOGETHER: "maps are averaged over images first, then parts are formed at each pixel",
}


@dataclass(frozen=True)
class Estimate:
    """One quantity in nats, with jackknife standard errors; the map sums to the total.

    Errors are NaN where there is no second replicate to tell them.
    """

    map: np.ndarray  # float32 (S, h, w)
    map_se: np.ndarray  # float32 (S, h, w)
    total: np.ndarray  # float64 (S,)
    total_se: np.ndarray  # float64 (S,)

    def mean(self) -> tuple[float, float]:
        """The total averaged over images, and the standard error that the estimator adds to it."""
        return float(self.total.mean()), float(np.sqrt(np.square(self.total_se).sum()) / len(self.total))

    @property
    def stated(self) -> np.ndarray:
        """Totals and their errors side by side, float64 (S, 2)."""
        return np.stack([self.total, self.total_se], axis=-1)

    def with_totals(self, stated: np.ndarray) -> "Estimate":
        """The same map with other totals and errors, (S, 2)."""
        return replace(self, total=stated[:, 0], total_se=stated[:, 1])


Quantity = Callable[[Mapping[str, np.ndarray]], np.ndarray]  # a function of maps by name, which may be non-linear


@dataclass(frozen=True)
class Replicates:
    """Independent estimates of maps by name, each (S, R, h, w).

    `first`, `second`, `both` are orthogonal estimates, never negative: 1/2 Int E (e_base - e_first)^2 da. `between`
    is the same distance from the first word's prediction to the second's; `conditional_first` from the second word
    alone to both, what the first adds to it. The `standard_` ones, 1/2 Int E [(eps - e_base)^2 - (eps - e_first)^2]
    da, are signed and equal the log density ratio of that very image.
    """

    maps: Mapping[str, np.ndarray]

    @property
    def count(self) -> int:
        """How many replicates there are."""
        return next(iter(self.maps.values())).shape[1]

    def estimate(self, quantity: Quantity) -> Estimate:
        """Map and total of `quantity`."""
        return self.estimates({"quantity": quantity})["quantity"]

    def estimates(self, quantities: Mapping[str, Quantity]) -> dict[str, Estimate]:
        """Map and total of each of `quantities`."""
        mean = {name: values.mean(1, dtype=np.float64) for name, values in self.maps.items()}
        left_out = {name: _leave_one_out(values) for name, values in self.maps.items()}
        return {name: _estimate(quantity(mean), quantity(left_out)) for name, quantity in quantities.items()}

    def at(self, level: str) -> "Replicates":
        """The maps from which parts of `level` (one of LEVELS) are to be formed."""
        if level == "pixel":
            return self
        if level == "image":
            return self._each(lambda values: values.sum(axis=(2, 3), keepdims=True, dtype=np.float64))
        if level == TOGETHER:
            return self._each(lambda values: values.mean(axis=0, keepdims=True, dtype=np.float64))
        raise InputError(f"level {level!r}", "not known", f"use one of {', '.join(LEVELS)}")

    def region(self, rows: slice, columns: slice) -> "Replicates":
        """The maps of a rectangle of latent pixels: what is derived of them is about it alone, errors included.

        Raises
        ------
        InputError: no pixel lies in it.
        """
        cut = self._each(lambda values: values[:, :, rows, columns])
        if not next(iter(cut.maps.values())).size:
            height, width = next(iter(self.maps.values())).shape[2:]
            raise InputError("region", f"no pixel of the {height} x {width} map lies in it", "choose a larger one")
        return cut

    def _each(self, change: Callable[[np.ndarray], np.ndarray]) -> "Replicates":
        return Replicates({name: change(values) for name, values in self.maps.items()})


@dataclass(frozen=True)
class InformationMaps:
    """All that is kept of one pair in one mode.

    `curve` is the integrand of first, second and both in nats per unit of log SNR, in bands centred at `log_snr`; NaN
    where no noise fell. `gap` is, in the same bands, the standard less the orthogonal estimate of both, in nats,
    with its standard error. `tail` estimates what lies below the lowest log SNR in use, and is in no total. What is
    `stated` of totals goes before what the maps say.
    """

    maps: Replicates
    bands: Mapping[str, np.ndarray]  # `BANDED` names -> float32 (S, B, h, w), parts of the map by log SNR
    band_edges: np.ndarray  # float32 (B + 1,), log SNR
    curve: np.ndarray  # float32 (S, T, 3)
    log_snr: np.ndarray  # float32 (T,)
    gap: np.ndarray  # float32 (S, T, 2)
    tail: np.ndarray  # float32 (S, 3)
    stated: Stated = field(default_factory=Stated)

    @property
    def finite(self) -> bool:
        """Whether every value is a number."""
        return all(np.isfinite(values).all() for values in self.maps.maps.values())

    def in_band(self, band: int) -> Replicates:
        """The part of the maps that lies in one band of log SNR; without replicates, so without errors."""
        return Replicates({name: values[:, band, None] for name, values in self.bands.items()})

    def of_images(self, order: Sequence[int]) -> "InformationMaps":
        """The same of some images, by position."""
        chosen = list(order)
        return replace(
            self,
            maps=Replicates({name: values[chosen] for name, values in self.maps.maps.items()}),
            bands={name: values[chosen] for name, values in self.bands.items()},
            curve=self.curve[chosen],
            gap=self.gap[chosen],
            tail=self.tail[chosen],
            stated=self.stated.of_images(chosen),
        )

    def averaged(self, names: Sequence[str], bands: bool) -> "InformationMaps":
        """The means over replicates of some of the maps, with or without their bands."""
        kept = self if bands else self._without_bands()
        means = {name: self.maps.maps[name].mean(1, keepdims=True, dtype=np.float64) for name in names}
        return replace(kept, maps=Replicates(means))

    def _without_bands(self) -> "InformationMaps":
        return replace(self, bands={}, band_edges=self.band_edges[:0])

    def joined(self, other: "InformationMaps") -> "InformationMaps":
        """The images of this one, then those of `other`, measured in the same bands with as many replicates.

        Maps by band are kept where both have them.
        """

        def both(one: Mapping[str, np.ndarray], two: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {name: np.concatenate([values, two[name]]) for name, values in one.items()}

        if not len(self.tail) or not len(other.tail):
            return self if len(self.tail) else other
        banded = self if self.bands and other.bands else self._without_bands()
        return replace(
            banded,
            maps=Replicates(both(self.maps.maps, other.maps.maps)),
            bands=both(banded.bands, other.bands),
            curve=np.concatenate([self.curve, other.curve]),
            gap=np.concatenate([self.gap, other.gap]),
            tail=np.concatenate([self.tail, other.tail]),
            stated=self.stated.joined(other.stated),
        )

    def like(self, other: "InformationMaps") -> bool:
        """Whether `other` has as many replicates and the same bands of log SNR."""
        return self.maps.count == other.maps.count and np.array_equal(self.log_snr, other.log_snr)

    def mixed(self, other: "InformationMaps", share: float) -> "InformationMaps":
        """The estimates from the noises of both, `share` of them those of `other`: the same images, measured alike."""

        def mix(one: np.ndarray, two: np.ndarray) -> np.ndarray:
            return ((1 - share) * one + share * two).astype(np.float32)

        def each(one: Mapping[str, np.ndarray], two: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {name: mix(values, two[name]) for name, values in one.items()}

        curve = mix(self.curve, other.curve)
        for known in (self.curve, other.curve):  # where the noises of one alone fell
            curve = np.where(np.isnan(curve), known, curve)
        gap = mix(self.gap, other.gap)
        gap[..., 1] = np.hypot((1 - share) * self.gap[..., 1], share * other.gap[..., 1])
        return replace(
            self,
            maps=Replicates(each(self.maps.maps, other.maps.maps)),
            bands=each(self.bands, other.bands),
            curve=curve,
            gap=gap,
            tail=mix(self.tail, other.tail),
            stated=Stated(),
        )


def _estimate(mean: np.ndarray, left_out: np.ndarray) -> Estimate:
    """From a map (S, h, w) and what it is without each replicate, (S, R, h, w)."""
    return Estimate(
        map=mean.astype(np.float32),
        map_se=_jackknife(left_out).astype(np.float32),
        total=mean.sum(axis=(1, 2)),
        total_se=_jackknife(left_out.sum(axis=(2, 3))),
    )


def _leave_one_out(values: np.ndarray) -> np.ndarray:
    """Means over all replicates but one, (S, R, ...) for values (S, R, ...)."""
    with np.errstate(invalid="ignore"):  # infinite values leave NaN, which says it
        return (values.sum(1, keepdims=True, dtype=np.float64) - values) / max(1, values.shape[1] - 1)


def _jackknife(left_out: np.ndarray) -> np.ndarray:
    """Standard error (S, ...) from leave-one-out values (S, R, ...); NaN if there is one only."""
    count = left_out.shape[1]
    if count == 1:
        return np.full_like(left_out[:, 0], np.nan)
    return np.sqrt((count - 1) / count * np.square(left_out - left_out.mean(1, keepdims=True)).sum(1))
