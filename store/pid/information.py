"""Information maps of a pair of words, each estimated in several independent replicates.

S images, R replicates, an h x w latent grid, B and T bands of log SNR. All information is in nats, per latent pixel
and summed over channels, integrated over the log SNR in use (Kong et al. 2024, section 2).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from store.errors import InputError
from store.pid.totals import TOGETHER, StoredTotals

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
    """A quantity of S images in nats, with jackknife standard errors; the map sums to the total.

    Errors are NaN where there is only one replicate.
    """

    map: np.ndarray  # float32 (S, h, w)
    map_se: np.ndarray  # float32 (S, h, w)
    total: np.ndarray  # float64 (S,)
    total_se: np.ndarray  # float64 (S,)

    def mean(self) -> tuple[float, float]:
        """Return the total averaged over images, and its standard error from the errors of the images."""
        return float(self.total.mean()), float(np.sqrt(np.square(self.total_se).sum()) / len(self.total))

    @property
    def with_error(self) -> np.ndarray:
        """The totals with their errors, float64 (S, 2)."""
        return np.stack([self.total, self.total_se], axis=-1)

    def with_totals(self, totals: np.ndarray) -> "Estimate":
        """Return the same map with other totals and errors, (S, 2)."""
        return replace(self, total=totals[:, 0], total_se=totals[:, 1])


REPLICATES = 8  # independent estimates that a new measurement is split into; their spread gives its errors
MapFunction = Callable[[Mapping[str, np.ndarray]], np.ndarray]  # of maps by name; it may be non-linear


@dataclass(frozen=True)
class Replicates:
    """Independent estimates of maps by name, each (S, R, h, w), in nats (Kong et al. 2024).

    `first`, `second`, `both` are orthogonal estimates, never negative: 1/2 Int E (e_base - e_first)^2 da. `between`
    is the same distance from the first word's prediction to the second's. `conditional_first` is the distance from
    the prediction with the second word alone to that with both: what the first word adds. The `standard_` maps,
    1/2 Int E [(eps - e_base)^2 - (eps - e_first)^2] da, are signed and sum to the log density ratio of that image.
    """

    maps: Mapping[str, np.ndarray]

    @property
    def count(self) -> int:
        """The number of replicates, R."""
        return next(iter(self.maps.values())).shape[1]

    def estimate(self, function: MapFunction) -> Estimate:
        """Return map and total of `function` of the maps."""
        return self.estimates({"": function})[""]

    def estimates(self, functions: Mapping[str, MapFunction]) -> dict[str, Estimate]:
        """Return map and total of each of `functions` of the maps: of their mean, with errors by the jackknife."""
        mean = {name: values.mean(1, dtype=np.float64) for name, values in self.maps.items()}
        left_out = {name: _leave_one_out(values) for name, values in self.maps.items()}
        return {name: _estimate(function(mean), function(left_out)) for name, function in functions.items()}

    def at(self, level: str) -> "Replicates":
        """Return the maps from which parts of `level`, one of LEVELS, are formed.

        Raises
        ------
        InputError: there is no such level.
        """
        if level == "pixel":
            return self
        if level == "image":
            return self._each(lambda values: values.sum(axis=(2, 3), keepdims=True, dtype=np.float64))
        if level == TOGETHER:
            return self._each(lambda values: values.mean(axis=0, keepdims=True, dtype=np.float64))
        raise InputError(f"level {level!r}", "not known", f"use one of {', '.join(LEVELS)}")

    def region(self, rows: slice, columns: slice) -> "Replicates":
        """Return the maps of a rectangle of latent pixels. Totals and errors derived from them are about it alone.

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


@dataclass(frozen=True, kw_only=True)
class InformationMaps:
    """All that is stored of one pair in one mode, in nats.

    `curve` is the integrand of first, second and both in nats per unit of log SNR, in bands centred at `log_snr`; NaN
    where no noise fell. `gap` is, in the same bands, the standard less the orthogonal estimate of both, with its
    standard error. `tail` estimates the information below the lowest log SNR in use, which no total includes.
    `stored` totals take precedence over those that follow from the maps.
    """

    maps: Replicates
    bands: Mapping[str, np.ndarray]  # `BANDED` names -> float32 (S, B, h, w), parts of the map by log SNR
    band_edges: np.ndarray  # float32 (B + 1,), log SNR
    curve: np.ndarray  # float32 (S, T, 3)
    log_snr: np.ndarray  # float32 (T,)
    gap: np.ndarray  # float32 (S, T, 2)
    tail: np.ndarray  # float32 (S, 3)
    stored: StoredTotals = field(default_factory=StoredTotals)

    @property
    def finite(self) -> bool:
        """Whether every value of the maps is a finite number."""
        return all(np.isfinite(values).all() for values in self.maps.maps.values())

    def in_band(self, band: int) -> Replicates:
        """Return the part of the maps in one band of log SNR, as a single replicate (S, 1, h, w), so without errors."""
        return Replicates({name: values[:, band, None] for name, values in self.bands.items()})

    def of_images(self, order: Sequence[int]) -> "InformationMaps":
        """Return the same of some images, by position."""
        chosen = list(order)
        return replace(
            self,
            maps=Replicates({name: values[chosen] for name, values in self.maps.maps.items()}),
            bands={name: values[chosen] for name, values in self.bands.items()},
            curve=self.curve[chosen],
            gap=self.gap[chosen],
            tail=self.tail[chosen],
            stored=self.stored.of_images(chosen),
        )

    def averaged(self, names: Sequence[str], bands: bool) -> "InformationMaps":
        """Return the means over replicates of the maps `names`, with or without their bands."""
        kept = self if bands else self._without_bands()
        means = {name: self.maps.maps[name].mean(1, keepdims=True, dtype=np.float64) for name in names}
        return replace(kept, maps=Replicates(means))

    def _without_bands(self) -> "InformationMaps":
        return replace(self, bands={}, band_edges=self.band_edges[:0])

    def joined(self, other: "InformationMaps") -> "InformationMaps":
        """Return the images of these maps, then those of `other`, which has as many replicates and the same bands.

        Maps by band stay where both have them.
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
            stored=self.stored.joined(other.stored),
        )

    def like(self, other: "InformationMaps") -> bool:
        """Return whether `other` has as many replicates and the same bands of log SNR."""
        return self.maps.count == other.maps.count and np.array_equal(self.log_snr, other.log_snr)

    def mixed(self, other: "InformationMaps", share: float) -> "InformationMaps":
        """Return the estimates of the same images from the noises of both; `share` of the noises are from `other`."""

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
            stored=StoredTotals(),
        )


def _estimate(mean: np.ndarray, left_out: np.ndarray) -> Estimate:
    """Return the estimate with a map (S, h, w), whose leave-one-out values are (S, R, h, w)."""
    return Estimate(
        map=mean.astype(np.float32),
        map_se=_jackknife(left_out).astype(np.float32),
        total=mean.sum(axis=(1, 2)),
        total_se=_jackknife(left_out.sum(axis=(2, 3))),
    )


def _leave_one_out(values: np.ndarray) -> np.ndarray:
    """Return means over all replicates but one, (S, R, ...), for values (S, R, ...)."""
    with np.errstate(invalid="ignore"):  # infinite values leave NaN, which says it
        return (values.sum(1, keepdims=True, dtype=np.float64) - values) / max(1, values.shape[1] - 1)


def _jackknife(left_out: np.ndarray) -> np.ndarray:
    """Return standard errors (S, ...) from leave-one-out values (S, R, ...); NaN from a single replicate."""
    count = left_out.shape[1]
    if count == 1:
        return np.full_like(left_out[:, 0], np.nan)
    return np.sqrt((count - 1) / count * np.square(left_out - left_out.mean(1, keepdims=True)).sum(1))
