"""The condensed layout of a pair: all totals with their errors, rounded maps, no replicates. P images."""

from collections.abc import Iterable

import h5py
import numpy as np

from store.hdf5.access import names_of, numbers, values
from store.hdf5.arrays import write_array, write_packed, write_small
from store.hdf5.bounds import Refused, member
from store.hdf5.layouts.compression import decode, encode, few_bits, pack_pictures, rounding, unpack_pictures
from store.hdf5.layouts.totals import Grid, ImageColumns, ListedTotals, TotalsLayout, levels_of, stack, unstack
from store.pid.information import BANDED, INFORMATION, ORTHOGONAL_MAPS, InformationMaps, Replicates
from store.pid.measures import STANDARD
from store.pid.totals import StoredTotals
from store.records import PairResult, RunRecord

SMALLEST = 9  # level of deflate
CURVES, GAPS = 3, 2  # columns of `spectrum`
CHANNELS, SIDE = 1024, 4096  # most of a latent
TOTALS_BITS, SPECTRUM_BITS = 20, 8  # of mantissa: off by a millionth and by 0.4 % at most


def write_pictures(root: h5py.Group, record: RunRecord) -> None:
    """Write the images of `record`, and the shape of its latents."""
    pictures, lengths = pack_pictures(record.images)
    write_small(root, "pictures", pictures)
    root["pictures"].attrs["lengths"] = lengths
    root.attrs["latent_shape"] = record.latents.shape[1:]


def read_pictures(root: h5py.Group, count: int) -> np.ndarray:
    """Return the images, uint8 (S, H, W, 3)."""
    packed = values(root, "pictures", "u", None)
    return unpack_pictures(packed, numbers(root["pictures"], "lengths", "iu", None), count)


def no_latents(root: h5py.Group, count: int) -> np.ndarray:
    """Return latents that were not kept: float16 (S, c, h, w), all NaN. They take no memory and cannot be changed."""
    return np.broadcast_to(np.float16(np.nan), (count, *read_latent_shape(root)))


def read_latent_shape(root: h5py.Group) -> tuple[int, int, int]:
    """Return channels, height and width of the latents. Raise Refused if they are absurd."""
    channels, height, width = map(int, numbers(root, "latent_shape", "iu", 3))
    if not (0 < channels <= CHANNELS and 0 < height <= SIDE and 0 < width <= SIDE):
        raise Refused(f"latents of {channels} x {height} x {width} values: absurd")
    return channels, height, width


def write_columns(group: h5py.Group, columns: dict[str, np.ndarray]) -> None:
    """Write the columns that have one value for each image."""
    write_packed(group, columns)


def read_columns(group: h5py.Group) -> ImageColumns:
    """Return the columns that have one value for each image."""
    seeds = numbers(group, "seeds", "iu", None)
    noises, run_keys = numbers(group, "noises", "iu", len(seeds)), numbers(group, "run_keys", "S", len(seeds))
    return ImageColumns.of(seeds, noises, run_keys)


def write_baseline(group: h5py.Group, kind: str, maps: np.ndarray) -> None:
    """Write maps of both words (P, 2, h, w) that are a baseline of this kind."""
    _write_coded(group, kind, maps)


def read_baseline(group: h5py.Group, kind: str, images: int, grid: Grid) -> np.ndarray | None:
    """Return the maps of a baseline, float32 (P, 2, h, w), or None if there are none."""
    return _read_coded(group, kind, images, 2, *grid) if kind in group else None


def write_mode(group: h5py.Group, result: PairResult, mode: str) -> None:
    """Write one mode of `result`."""
    information, layout, stored = result.information[mode], TotalsLayout.of(result), result.totals(mode)
    maps = {name: values[:, 0] for name, values in information.maps.maps.items()}
    spectrum = np.concatenate([information.curve, information.gap], axis=-1).astype(np.float32)
    group.attrs["log_snr"] = information.log_snr
    group.attrs["tail"] = information.tail
    group.attrs["totals_together"] = stack(stored.together, layout.together)[0]
    _write_coded(group, "maps", np.stack(list(maps.values()), axis=1), tuple(maps))
    _write_whole(group, "totals", few_bits(stack(stored.images, layout.images).T, TOTALS_BITS))
    _write_whole(group, "spectrum", few_bits(spectrum, SPECTRUM_BITS))
    if information.bands:
        _write_coded(group, "bands", np.stack([information.bands[name] for name in BANDED], axis=1), BANDED)
        group["bands"].attrs["edges"] = information.band_edges


def read_mode(group: h5py.Group, layout: TotalsLayout, images: int, grid: Grid) -> InformationMaps:
    """Return the maps and totals of one mode."""
    maps = _read_named(group, "maps", images, *grid)
    needed = INFORMATION if layout.estimator == STANDARD else ORTHOGONAL_MAPS
    if not set(needed) <= set(maps) <= set(INFORMATION):
        raise Refused(f"{group.name}/maps lacks some, or holds others")
    log_snr, bands, edges = levels_of(numbers(group, "log_snr", "f", None)), {}, np.zeros(0, np.float32)
    if "bands" in group:
        edges = levels_of(numbers(member(group, "bands"), "edges", "f", None))
        bands = _read_named(group, "bands", images, len(edges) - 1, *grid)
        if set(bands) != set(BANDED):
            raise Refused(f"{group.name}/bands lacks some, or holds others")
    spectrum = values(group, "spectrum", "f", images, len(log_snr), CURVES + GAPS)
    return InformationMaps(
        maps=Replicates({name: found[:, None] for name, found in maps.items()}),
        bands=bands,
        band_edges=edges,
        curve=spectrum[..., :CURVES],
        log_snr=log_snr,
        gap=spectrum[..., CURVES:],
        tail=numbers(group, "tail", "f", images, 3),
        stored=read_stored(group, layout, images),
    )


def read_stored(group: h5py.Group, layout: TotalsLayout, images: int) -> StoredTotals:
    """Return the totals that one mode's group states, in nats."""
    keys = layout.images, layout.together
    totals = values(group, "totals", "f", 2, len(keys[0]), images).T
    together = numbers(group, "totals_together", "f", len(keys[1]), 2)
    return StoredTotals(unstack(totals, keys[0]), unstack(together[None], keys[1]))


def read_listed(group: h5py.Group, layout: TotalsLayout, images: int, levels: Iterable[str]) -> ListedTotals:
    """Return the totals of one mode for lists."""
    return layout.listed(read_stored(group, layout, images), levels)


def roundings(group: h5py.Group, information: InformationMaps) -> dict[str, np.ndarray]:
    """Return by how much, in nats, rounding may have changed the sum of each map in `group`, each (P,)."""
    steps, maps = numbers(group["maps"], "steps", "f", None), information.maps.maps
    return {name: rounding(values[:, 0], steps).sum(axis=(1, 2)) for name, values in maps.items()}


def _write_whole(group: h5py.Group, name: str, array: np.ndarray) -> None:
    write_array(group, name, array, array.shape, SMALLEST)


def _write_coded(group: h5py.Group, name: str, maps: np.ndarray, names: tuple[str, ...] = ()) -> None:
    """Write maps (P, N, ...) rounded, each of the N compressed on its own."""
    codes, steps = encode(maps)
    write_array(group, name, codes, (len(maps), 1, *maps.shape[2:]), SMALLEST)
    write_packed(group[name], {"steps": steps, **({"names": list(names)} if names else {})})


def _read_coded(group: h5py.Group, name: str, images: int, *shape: int | None) -> np.ndarray:
    codes, steps = values(group, name, "i", images, *shape), numbers(group[name], "steps", "f", images)
    if codes.dtype != np.int8 or not (np.isfinite(steps) & (steps >= 0)).all():
        raise Refused(f"{group[name].name} holds no codes, or steps that are no numbers from 0 up")
    return decode(codes, steps)


def _read_named(group: h5py.Group, name: str, images: int, *shape: int | None) -> dict[str, np.ndarray]:
    """Maps by name, each (P, ...)."""
    maps = _read_coded(group, name, images, None, *shape)
    return {each: maps[:, index] for index, each in enumerate(names_of(group[name], maps.shape[1]))}
