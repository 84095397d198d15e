"""The check of a file: everything in it is read and compared with the format."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import h5py
import numpy as np

from store.errors import BrokenFileError, NewerFormatError, printable
from store.hdf5.access import (
    KNOWN,
    REPAIR,
    UNREADABLE,
    UPDATE,
    cause_of,
    dataset,
    integer,
    is_newer,
    member_names,
    opened,
    text,
    version_of,
)
from store.hdf5.bounds import Allowance, member
from store.hdf5.digest import digest
from store.hdf5.header import PAIRS, modes_of, read_key, read_provenance, read_seeds
from store.hdf5.layouts import condensed
from store.hdf5.layouts.totals import TotalsLayout
from store.hdf5.names import APART, DATASETS, path_of
from store.hdf5.read import pair_in, read_grid, read_images, read_latents, read_pair, read_rows
from store.pid.decomposition import PARTS, PER_IMAGE, Decomposition, decompose
from store.pid.information import INFORMATION, Estimate, Replicates
from store.pid.measures import ORTHOGONAL
from store.pid.totals import TOGETHER, TotalKey
from store.records import PairResult

PRECISION = 2e-3  # relative: the identities hold to this after rounding to float16
MEMBERS = {"seeds", *APART}
PORTION = 1 << 23  # values of maps that are derived from at once
DIGESTED = 3  # the first version whose groups carry a digest


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a file, or with one of its pairs. As a text it names the mend."""

    cause: str
    pair: str = ""  # empty: the file itself
    mend: str = REPAIR

    def __post_init__(self):
        object.__setattr__(self, "cause", printable(self.cause))

    def __str__(self) -> str:
        return f"{self.pair}: {self.cause}; {self.mend}".removeprefix(": ")

    @property
    def newer(self) -> bool:
        """Whether nothing is broken, but this software is too old."""
        return self.mend == UPDATE


def problems(path: Path) -> list[Problem]:
    """Return what is wrong with one file of a store: nothing if it is sound."""
    try:
        with opened(path) as file:
            allowance = Allowance(file)
            found = [*root_problems(file, allowance), *pair_problems(file, allowance)]
            if not found and path != path_of(path.parents[3], read_key(file)):
                found = [Problem("its name does not belong to its key", mend="`python -m store repair` moves it")]
            return found
    except (BrokenFileError, NewerFormatError) as error:
        return [Problem(error.cause, mend=error.mend)]


def root_problems(root: h5py.Group, allowance: Allowance) -> Iterator[Problem]:
    """Yield what is wrong with `root`, a file or a run in a bundle, apart from its pairs."""
    try:
        allowance.survey(root, frozenset({"pairs"}))
        read_key(root), read_provenance(root)
        seeds = len(read_seeds(root))
        read_images(root, seeds), read_latents(root, seeds)
        if integer(root, "format_version") >= DIGESTED and digest(root, APART) != text(root, "digest"):
            yield Problem("its attributes are not those that were written")
        yield from (Problem(f"/{name} does not belong there") for name in set(root) - MEMBERS)
    except UNREADABLE as error:
        yield Problem(cause_of(error))


def pair_problems(root: h5py.Group, allowance: Allowance) -> Iterator[Problem]:
    """Yield what is wrong with single pairs of `root`."""
    try:
        pairs, prompt, seeds = member(root, "pairs", h5py.Group), read_key(root).prompt, set(read_seeds(root))
        names, grid = member_names(pairs, PAIRS), read_grid(root, len(seeds))
    except UNREADABLE as error:
        yield Problem(f"its pairs cannot be read ({cause_of(error)})")
        return
    for name in names:
        pair = pair_in(pairs, name)
        try:
            group = member(pairs, name, h5py.Group)
            if is_newer(group):
                yield Problem(f"written in format {version_of(group)}, {KNOWN}", pair, UPDATE)
            else:
                allowance.survey(group)
                read_rows(prompt, seeds, group)
                result = read_pair(prompt, seeds, grid, group)
                yield from (Problem(cause, pair) for cause in _wrong_with_pair(result, group))
        except UNREADABLE as error:
            yield Problem(cause_of(error), pair)


def _wrong_with_pair(result: PairResult, group: h5py.Group) -> Iterator[str]:
    if version_of(group) >= DIGESTED and digest(group) != text(group, "digest"):
        yield "its contents are not those that were written"
    wrong_with_mode = _wrong_with_condensed_mode if result.condensed else _wrong_with_mode
    for mode, inside in modes_of(group).items():
        yield from (f"{mode}: {problem}" for problem in dict.fromkeys(wrong_with_mode(result, mode, inside)))


def _portions(result: PairResult, mode: str) -> Iterator[slice]:
    """Yield slices that together are all images of `result`, each small enough to be derived from in little memory."""
    each = sum(values[0].size for values in result.information[mode].maps.maps.values())
    portion = max(1, PORTION // each)
    for first in range(0, len(result.seeds), portion):
        yield slice(first, first + portion)


def _wrong_with_condensed_mode(result: PairResult, mode: str, group: h5py.Group) -> Iterator[str]:
    for images in _portions(result, mode):
        yield from _wrong_with_parts(result.of_seeds(result.seeds[images]), mode, PER_IMAGE)
    yield from _wrong_with_parts(result, mode, (TOGETHER,))
    information = result.information[mode]
    for name, rounding in condensed.roundings(group, information).items():
        found, total = information.maps.maps[name][:, 0], information.stored.images[TotalKey(name)][:, 0]
        bound = rounding + PRECISION * np.abs(found).sum(axis=(1, 2), dtype=np.float64) + 1e-6
        if not (np.abs(found.sum(axis=(1, 2), dtype=np.float64) - total) <= bound).all():
            yield f"{name} is not the total of its map"


def _wrong_with_parts(result: PairResult, mode: str, levels: tuple[str, ...]) -> Iterator[str]:
    for measure, level in product(TotalsLayout.of(result).measures, levels):
        stored = result.decomposition(mode, measure, level)
        yield from (f"{name} does not hold ({measure}, {level})" for name in stored.contradictions(PRECISION))
        if not stored.finite:
            yield f"values that are not finite ({measure}, {level})"


def _wrong_with_mode(result: PairResult, mode: str, group: h5py.Group) -> Iterator[str]:
    maps, chosen = result.information[mode].maps, (result.measure, result.estimator, result.surprisals)
    for images in _portions(result, mode):
        shown = _read_shown(result, maps.maps["first"].shape[2:], group, images)
        derived = decompose(Replicates({name: values[images] for name, values in maps.maps.items()}), *chosen)
        yield from (f"{name} does not hold" for name in shown.violations(PRECISION))
        if not shown.finite:
            yield "values that are not finite"
        yield from (f"{name} is not the mean of its replicates" for name in _apart(shown, derived))


def _read_shown(result: PairResult, grid: tuple[int, int], group: h5py.Group, images: slice) -> Decomposition:
    """Return the parts that the file shows of some images, as they stand there."""
    shown, count = {}, len(result.seeds)
    for name, stored in DATASETS.items():
        found = dataset(group, stored, "f", count, *grid)[images].astype(np.float32)
        totals, errors = (dataset(group, f"{stored}{end}", "f", count)[images] for end in ("_total", "_total_se"))
        shown[name] = Estimate(found, np.full_like(found, np.nan), totals, errors)
    return Decomposition(result.measure, ORTHOGONAL, shown)


def _apart(shown: Decomposition, derived: Decomposition) -> Iterator[str]:
    """Yield the quantities whose total differs from that of the replicates by more than rounding explains."""
    for name in (*INFORMATION, *PARTS):
        expected = derived.of_estimator(name)
        size = np.abs(derived["both"].map).sum(axis=(1, 2), dtype=np.float64)
        size += np.abs(expected.map).sum(axis=(1, 2), dtype=np.float64)
        if (np.abs(shown[name].total - expected.total) > PRECISION * size + 1e-6).any():
            yield DATASETS[name]
