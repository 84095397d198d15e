"""The full layout of a pair: replicates of its maps, and the parts that follow under the pair's own measure.

It also reads versions 1 to 3 of the format. P images, an h x w latent grid.
"""

from collections.abc import Iterable

import h5py
import numpy as np

from store.hdf5.access import integer, names_of, numbers, values
from store.hdf5.arrays import write_array, write_small
from store.hdf5.bounds import Refused
from store.hdf5.layouts.totals import SAMPLED, Grid, ImageColumns, ListedTotals, TotalsLayout, levels_of, stack, unstack
from store.hdf5.names import DATASETS, SAMPLES
from store.pid.decomposition import PARTS, PER_IMAGE
from store.pid.information import BANDED, INFORMATION, Estimate, InformationMaps, Replicates
from store.pid.totals import TOGETHER, StoredTotals
from store.records import PairResult

KEPT_BITS = 4  # of a replicate's mantissa: rounding by 3 % at most is far below its own error


def write_columns(group: h5py.Group, columns: dict[str, np.ndarray]) -> None:
    """Write the columns that have one value for each image."""
    for name, column in columns.items():
        write_small(group, name, column)


def read_columns(group: h5py.Group) -> ImageColumns:
    """Return the columns that have one value for each image, as far as the version of the format has them."""
    seeds = values(group, "seeds", "iu", None)
    images = len(seeds)
    noises = values(group, "noises", "iu", images) if "noises" in group else [integer(group, "noises")] * images
    run_keys = values(group, "run_keys", "S", images) if "run_keys" in group else np.full(images, b"")
    return ImageColumns.of(seeds, noises, run_keys)


def write_baseline(group: h5py.Group, kind: str, maps: np.ndarray) -> None:
    """Write maps of both words (P, 2, h, w) that are a baseline of this kind."""
    write_array(group, f"{kind}_first", maps[:, 0].astype(np.float16))
    write_array(group, f"{kind}_second", maps[:, 1].astype(np.float16))


def read_baseline(group: h5py.Group, kind: str, images: int, grid: Grid) -> np.ndarray | None:
    """Return the maps of a baseline, float32 (P, 2, h, w), or None if there are none."""
    if f"{kind}_first" not in group:
        return None
    maps = [values(group, f"{kind}_{end}", "f", images, *grid) for end in ("first", "second")]
    return np.stack(maps, axis=1).astype(np.float32)


def write_mode(group: h5py.Group, result: PairResult, mode: str) -> None:
    """Write one mode of `result`."""
    information, decomposition, stored = result.information[mode], result.decomposition(mode), result.totals(mode)
    layout = TotalsLayout.of(result)
    listed, single = layout.listed(stored), len(SAMPLES)
    group.attrs["summary"] = listed.summary
    group.attrs["samples"] = np.delete(listed.samples, range(single, SAMPLED), axis=1)
    group.attrs["standard"] = listed.samples[:, single:SAMPLED]
    group.attrs["together"] = listed.together
    for name, dataset in DATASETS.items():
        _write_estimate(group, dataset, decomposition.of_estimator(name))
    maps = information.maps.maps
    _write_stack(group, "replicates", [_few_bits(maps[name]) for name in INFORMATION], INFORMATION)
    if information.bands:
        _write_stack(group, "bands", [_compact(information.bands[name], KEPT_BITS) for name in BANDED], BANDED)
    for name in ("band_edges", "curve", "log_snr", "gap", "tail"):
        write_small(group, name, getattr(information, name).astype(np.float32))
    parts, together = stack(stored.images, layout.parts(PER_IMAGE)), stack(stored.together, layout.parts((TOGETHER,)))
    write_small(group, "parts", parts.reshape(len(parts), len(layout.measures), len(PER_IMAGE), -1, 2))
    write_small(group, "parts_together", together.reshape(len(layout.measures), -1, 2))


def read_mode(group: h5py.Group, layout: TotalsLayout, images: int, grid: Grid) -> InformationMaps:
    """Return the maps and totals of one mode."""
    log_snr, stored = levels_of(values(group, "log_snr", "f", None)), read_stored(group, layout, images)
    curve = values(group, "curve", "f", images, len(log_snr), 3)
    if "replicates" not in group:  # version 1: the means alone
        maps = {name: values(group, DATASETS[name], "f", images, *grid)[:, None] for name in INFORMATION}
        return InformationMaps(
            maps=Replicates(_single(maps)),
            bands={},
            band_edges=np.zeros(0, np.float32),
            curve=curve,
            log_snr=log_snr,
            gap=np.full((images, len(log_snr), 2), np.nan, np.float32),
            tail=np.zeros((images, 3), np.float32),
            stored=stored,
        )
    banded = "bands" in group
    edges = levels_of(values(group, "band_edges", "f", None)) if banded else np.zeros(0, np.float32)
    return InformationMaps(
        maps=Replicates(_read_stack(group, "replicates", INFORMATION, images, None, grid)),
        bands=_read_stack(group, "bands", BANDED, images, len(edges) - 1, grid) if banded else {},
        band_edges=edges,
        curve=curve,
        log_snr=log_snr,
        gap=values(group, "gap", "f", images, len(log_snr), 2),
        tail=values(group, "tail", "f", images, 3),
        stored=stored,
    )


def read_stored(group: h5py.Group, layout: TotalsLayout, images: int) -> StoredTotals:
    """Return the totals that one mode's group states, in nats."""
    totals = {layout.key(name): _read_total(group, dataset, images) for name, dataset in DATASETS.items()}
    if "parts" not in group:  # before version 3
        return StoredTotals(totals)
    count, levels = len(layout.measures), len(PER_IMAGE)
    parts = values(group, "parts", "f", images, count, levels, len(PARTS), 2)
    together = values(group, "parts_together", "f", count, len(PARTS), 2)
    return StoredTotals(
        {**totals, **unstack(parts, layout.parts(PER_IMAGE))}, unstack(together[None], layout.parts((TOGETHER,)))
    )


def read_listed(group: h5py.Group, layout: TotalsLayout, images: int, levels: Iterable[str]) -> ListedTotals:
    """Return the totals of one mode for lists: from attributes where they are, so that no dataset is opened."""
    if "standard" not in group.attrs:  # the first files of version 3, and older ones
        return layout.listed(read_stored(group, layout, images), levels)
    standard = numbers(group, "standard", "f", images, SAMPLED - len(SAMPLES))
    samples = np.insert(numbers(group, "samples", "f", images, None), [len(SAMPLES)], standard, axis=1)
    summary = numbers(group, "summary", "f", len(DATASETS), 2)
    return ListedTotals(summary, samples, numbers(group, "together", "f", len(layout.measures)))


def _read_total(group: h5py.Group, name: str, images: int) -> np.ndarray:
    return np.stack([values(group, f"{name}{end}", "f", images) for end in ("_total", "_total_se")], axis=-1)


def _read_stack(
    group: h5py.Group, name: str, wanted: tuple[str, ...], images: int, count: int | None, grid: Grid
) -> dict[str, np.ndarray]:
    """Maps by name, each (P, n, h, w), of which `wanted` have to be there."""
    stacked = values(group, name, "f", images, None, count, *grid)
    names = names_of(group[name], stacked.shape[1])
    if not set(wanted) <= set(names):
        raise Refused(f"{group[name].name} does not name its maps")
    return _single({name: stacked[:, names.index(name)] for name in wanted})


def _single(maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: values.astype(np.float32) for name, values in maps.items()}


def _write_estimate(group: h5py.Group, name: str, estimate: Estimate) -> None:
    write_array(group, name, _compact(estimate.map))
    write_small(group, f"{name}_total", estimate.total.astype(np.float64))
    write_small(group, f"{name}_total_se", estimate.total_se.astype(np.float64))


def _write_stack(group: h5py.Group, name: str, maps: list[np.ndarray], names: tuple[str, ...]) -> None:
    """Maps (P, n, h, w) of several names as one array (P, names, n, h, w)."""
    write_array(group, name, _compact(np.stack(maps, axis=1)))
    group[name].attrs["names"] = list(names)


def _few_bits(replicates: np.ndarray) -> np.ndarray:
    """Replicates (P, R, h, w) with few bits each, but the last: it takes up what the others lost, so the mean stays."""
    kept = replicates.astype(np.float32)
    carry = np.zeros_like(kept[:, 0])
    for index in range(kept.shape[1] - 1):
        wanted = kept[:, index] + carry
        kept[:, index] = _compact(wanted, KEPT_BITS)
        with np.errstate(invalid="ignore"):  # infinite values leave NaN, which says it
            carry = wanted - kept[:, index]
    kept[:, -1] += carry
    return kept


def _compact(values: np.ndarray, bits: int = 10) -> np.ndarray:
    """In half precision, its mantissa rounded to `bits`; in single precision if its values are too large or small."""
    sizes, half = np.abs(values), np.finfo(np.float16)
    if not sizes.max(initial=0) < half.max / 2 or 0 < sizes.mean() < half.tiny:
        return values.astype(np.float32)
    dropped, whole = 10 - bits, values.astype(np.float16).view(np.uint16)
    if dropped:
        whole = (whole + np.uint16(1 << (dropped - 1))) & np.uint16(0xFFFF << dropped & 0xFFFF)
    return whole.view(np.float16)
