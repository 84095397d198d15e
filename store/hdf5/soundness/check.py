"""The check of a file: everything in it is read and compared with the format."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from urllib.parse import unquote

import h5py
import numpy as np

from store.errors import BrokenFileError, NewerFormatError
from store.hdf5.access import KNOWN, REPAIR, UNREADABLE, UPDATE, is_newer, member, opened, text, values
from store.hdf5.digest import digest
from store.hdf5.layouts import condensed
from store.hdf5.layouts.totals import TotalsLayout
from store.hdf5.names import APART, DATASETS, path_of
from store.hdf5.read import modes_of, read_images, read_key, read_latents, read_pair, read_provenance, read_seeds
from store.pid.decomposition import PARTS, Decomposition, decompose
from store.pid.information import INFORMATION, LEVELS, Estimate
from store.pid.measures import ORTHOGONAL
from store.pid.totals import TotalKey
from store.records import PairResult, RunKey

PRECISION = 2e-3  # relative: the identities hold to this after rounding to float16
MEMBERS = {"seeds", *APART}
DIGESTED = 3  # the first version whose groups carry a digest


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a file, or with one of its pairs. As a text it names the mend."""

    cause: str
    pair: str = ""  # empty: the file itself
    mend: str = REPAIR

    def __str__(self) -> str:
        return f"{self.pair}: {self.cause}; {self.mend}".removeprefix(": ")

    @property
    def newer(self) -> bool:
        """Whether nothing is broken, but this software is too old."""
        return self.mend == UPDATE


def problems(path: Path) -> list[Problem]:
    """Returns what is wrong with one file of a store: nothing if it is sound."""
    try:
        with opened(path) as file:
            found = [*root_problems(file), *pair_problems(file)]
            if not found and path != path_of(path.parents[3], read_key(file)):
                found = [Problem("its name does not belong to its key", mend="`python -m store repair` moves it")]
            return found
    except (BrokenFileError, NewerFormatError) as error:
        return [Problem(error.cause, mend=error.mend)]


def root_problems(root: h5py.Group) -> Iterator[Problem]:
    """Yields what is wrong with `root`, a file or a run in a bundle, apart from its pairs."""
    try:
        read_key(root), read_provenance(root)
        seeds = len(read_seeds(root))
        read_images(root, seeds), read_latents(root, seeds)
        if root.attrs["format_version"] >= DIGESTED and digest(root, APART) != text(root, "digest"):
            yield Problem("its attributes are not those that were written")
        yield from (Problem(f"/{name} does not belong there") for name in set(root) - MEMBERS)
    except UNREADABLE as error:
        yield Problem(f"damaged ({error})")


def pair_problems(root: h5py.Group) -> Iterator[Problem]:
    """Yields what is wrong with single pairs of `root`."""
    try:
        pairs, key, seeds = member(root, "pairs", h5py.Group), read_key(root), set(read_seeds(root))
    except UNREADABLE as error:
        yield Problem(f"its pairs cannot be read ({error})")
        return
    for name in pairs:
        pair = unquote(name)
        try:
            group = member(pairs, name, h5py.Group)
            if is_newer(group):
                yield Problem(f"written in format {group.attrs['version']}, {KNOWN}", pair, UPDATE)
            else:
                yield from (Problem(cause, pair) for cause in _wrong_with_pair(key, seeds, group))
        except UNREADABLE as error:
            yield Problem(f"damaged ({error})", pair)


def _wrong_with_pair(key: RunKey, seeds: set[int], group: h5py.Group) -> Iterator[str]:
    result = read_pair(key.prompt, group)
    if group.attrs.get("version", 1) >= DIGESTED and digest(group) != text(group, "digest"):
        yield "its contents are not those that were written"
    if unquote(group.name.rsplit("/", 1)[-1]) != result.pair.name:
        yield "its name is not that of its words"
    if not set(result.seeds) <= seeds:
        yield "images that are not in the file"
    wrong_with_mode = _wrong_with_condensed_mode if result.condensed else _wrong_with_mode
    for mode, inside in modes_of(group).items():
        yield from (f"{mode}: {problem}" for problem in wrong_with_mode(result, mode, inside))


def _wrong_with_condensed_mode(result: PairResult, mode: str, group: h5py.Group) -> Iterator[str]:
    information = result.information[mode]
    for measure, level in product(TotalsLayout.of(result).measures, LEVELS):
        stated = result.decomposition(mode, measure, level)
        yield from (f"{name} does not hold ({measure}, {level})" for name in stated.contradictions(PRECISION))
        if not stated.finite:
            yield f"values that are not finite ({measure}, {level})"
    for name, rounding in condensed.roundings(group, information).items():
        found, total = information.maps.maps[name][:, 0], information.stored.images[TotalKey(name)][:, 0]
        bound = rounding + PRECISION * np.abs(found).sum(axis=(1, 2), dtype=np.float64) + 1e-6
        if not (np.abs(found.sum(axis=(1, 2), dtype=np.float64) - total) <= bound).all():
            yield f"{name} is not the total of its map"


def _wrong_with_mode(result: PairResult, mode: str, group: h5py.Group) -> Iterator[str]:
    shown = _read_shown(result, group)
    derived = decompose(result.information[mode].maps, result.measure, result.estimator, result.surprisals)
    yield from (f"{name} does not hold" for name in shown.violations(PRECISION))
    if not shown.finite:
        yield "values that are not finite"
    yield from (f"{name} is not the mean of its replicates" for name in _apart(shown, derived))


def _read_shown(result: PairResult, group: h5py.Group) -> Decomposition:
    """Returns the parts that the file shows, as they stand there."""
    shown, images = {}, len(result.seeds)
    for name, dataset in DATASETS.items():
        found = values(group, dataset, images, None, None).astype(np.float32)
        totals, errors = values(group, f"{dataset}_total", images), values(group, f"{dataset}_total_se", images)
        shown[name] = Estimate(found, np.full_like(found, np.nan), totals, errors)
    return Decomposition(result.measure, ORTHOGONAL, shown)


def _apart(shown: Decomposition, derived: Decomposition) -> Iterator[str]:
    """Yields the quantities whose total differs from that of the replicates by more than rounding explains."""
    for name in (*INFORMATION, *PARTS):
        expected = derived.of_estimator(name)
        size = np.abs(derived["both"].map).sum(axis=(1, 2), dtype=np.float64)
        size += np.abs(expected.map).sum(axis=(1, 2), dtype=np.float64)
        if (np.abs(shown[name].total - expected.total) > PRECISION * size + 1e-6).any():
            yield DATASETS[name]
