"""Files -> records."""

from collections.abc import Collection, Iterator, Set
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from store.hdf5.access import (
    REPAIR,
    UNREADABLE,
    UPDATE,
    cause_of,
    dataset,
    is_newer,
    member_names,
    opened,
    text,
    values,
)
from store.hdf5.bounds import Allowance, Refused, member
from store.hdf5.header import (
    PAIRS,
    modes_of,
    read_key,
    read_pair_header,
    read_provenance,
    read_seeds,
)
from store.hdf5.layouts import condensed
from store.hdf5.layouts.totals import SAMPLED
from store.hdf5.names import DATASETS, pair_of_group
from store.hdf5.rules import PROMPT
from store.pid.decomposition import PER_IMAGE
from store.records import BASELINES, PairResult, Provenance, RunKey, RunRecord, pair_name


@dataclass(frozen=True)
class FileTotals:
    """The totals of one file, read without its maps: a row for each pair and mode that can be read.

    A row has `mode`, `first`, `second`, `measure`, `estimator`, `noises`, `seeds` (how many), for each of DATASETS the
    mean total over images and NAME_se, its standard error, in nats; `labels`; and per image `image_seeds` and `samples`
    (P, 6 + N) in nats: the information of first, second and both, their standard estimates, and the redundancy under
    each measure and level, named by `sample_names` (`mmi/pixel`). `together` (M,) has the redundancy of all images
    together under each measure, in the same order; it is empty before version 3.
    """

    key: RunKey
    created: str
    rows: list[dict[str, object]]
    problems: list[str]  # one for each pair that cannot be read, with the mend


def read(path: Path, pair: str | None = None) -> RunRecord:
    """Return the record of one file. Where `pair` is given, the record has at most the pair of that name.

    It leaves out pairs that later software wrote, in a version of the format that this software does not know.

    Raises
    ------
    NewerFormatError, BrokenFileError: with the mend in the text.
    """
    with opened(path) as file:
        return read_record(file, pair_names(file) if pair is None else {pair})


def read_record(root: h5py.Group, pairs: Set[str] = frozenset()) -> RunRecord:
    """Return the record in `root`, a file or a run in a bundle, with those of `pairs` that are there.

    Raises one of `access.UNREADABLE`.
    """
    key, seeds, allowance = read_key(root), read_seeds(root), Allowance(root)
    allowance.survey(root, frozenset({"pairs"}))
    grid, results = read_grid(root, len(seeds)), []
    for group in pair_groups(root, pairs):
        if not is_newer(group):
            allowance.survey(group)
            results.append(read_pair(key.prompt, seeds, grid, group))
    return RunRecord(
        key=key,
        seeds=seeds,
        images=read_images(root, len(seeds)),
        latents=read_latents(root, len(seeds)),
        pairs=tuple(results),
        provenance=read_provenance(root),
    )


def provenance(path: Path) -> Provenance:
    """Return when, with what software and under what settings a file was written; raises as `read` does."""
    with opened(path) as file:
        return read_provenance(file)


def images(path: Path) -> np.ndarray:
    """Return the images of a file, uint8 (S, H, W, 3); raises as `read` does."""
    with opened(path) as file:
        return read_images(file, len(read_seeds(file)))


def pictures(path: Path) -> dict[int, np.ndarray]:
    """Return the image of each seed of a file, uint8 (H, W, 3); raises as `read` does."""
    with opened(path) as file:
        seeds = read_seeds(file)
        return dict(zip(seeds, read_images(file, len(seeds)), strict=True))


def read_images(root: h5py.Group, count: int) -> np.ndarray:
    """Return the images of `root`, uint8 (S, H, W, 3)."""
    if "pictures" in root:
        return condensed.read_pictures(root, count)
    return images_dataset(root, count)[...]


def images_dataset(root: h5py.Group, count: int) -> h5py.Dataset:
    """Return the dataset of the images of `root`, uint8 (S, H, W, 3), where they are not condensed."""
    found = dataset(root, "images", "u", count, None, None, 3)
    if found.dtype != np.uint8:
        raise Refused(f"images are {found.dtype}, not uint8")
    return found


def read_latents(root: h5py.Group, count: int) -> np.ndarray:
    """Return the latents of `root`, float16 (S, c, h, w), NaN where they were not kept."""
    if "pictures" in root:
        return condensed.no_latents(root, count)
    return values(root, "latents", "f", count, None, None, None)


def read_grid(root: h5py.Group, count: int) -> tuple[int, int]:
    """Return height and width of the latents of `root`, without reading them."""
    if "pictures" in root:
        return condensed.read_latent_shape(root)[1:]
    height, width = dataset(root, "latents", "f", count, None, None, None).shape[2:]
    return height, width


def latents(path: Path) -> tuple[tuple[int, ...], np.ndarray]:
    """Return seeds and latents, float16 (n, c, h, w), of the images whose latents the file kept; raises as `read`."""
    with opened(path) as file:
        seeds = read_seeds(file)
        found = read_latents(file, len(seeds))
    kept = ~np.isnan(found).any(axis=(1, 2, 3))
    return tuple(seed for seed, is_kept in zip(seeds, kept, strict=True) if is_kept), found[kept]


def pair_names(root: h5py.Group) -> set[str]:
    """Return the names of the pairs in `root`, readable or not."""
    groups = member(root, "pairs", h5py.Group)
    return {pair_in(groups, name) for name in member_names(groups, PAIRS)}


def pair_groups(root: h5py.Group, pairs: Set[str]) -> Iterator[h5py.Group]:
    """Yield the groups of those of `pairs` that are there; it does not touch the others."""
    groups = member(root, "pairs", h5py.Group)
    for name in member_names(groups, PAIRS):
        if pair_in(groups, name) in pairs:
            yield member(groups, name, h5py.Group)


def pair_in(groups: h5py.Group, name: str) -> str:
    """Return the name of the pair in the member `name` of `groups`; of an old name only the words in it tell that."""
    if name.count("+") > 1:
        try:
            group = member(groups, name, h5py.Group)
            return pair_name(text(group, "first", PROMPT), text(group, "second", PROMPT))
        except UNREADABLE:
            pass
    return pair_of_group(name)


def read_totals(path: Path) -> FileTotals:
    """Return the totals of one file. Raises as `read` does where the file's own attributes cannot be read."""
    with opened(path) as file:
        key, seeds, rows, problems = read_key(file), set(read_seeds(file)), [], []
        groups = member(file, "pairs", h5py.Group)
        for name in member_names(groups, PAIRS):
            try:
                group = member(groups, name, h5py.Group)
                if is_newer(group):
                    problems.append(f"pair {pair_of_group(name)} is written in a newer format; {UPDATE}")
                else:
                    rows += read_rows(key.prompt, seeds, group)
            except UNREADABLE as error:
                problems.append(f"pair {pair_of_group(name)}: {cause_of(error)}; {REPAIR}")
        return FileTotals(key, read_provenance(file).created, rows, problems)


def read_pair(prompt: str, seeds: Collection[int], grid: tuple[int, int], group: h5py.Group) -> PairResult:
    """Return the result in the group of a pair, in a file with this prompt, these seeds and this latent grid."""
    header = read_pair_header(prompt, seeds, group)
    form, layout, columns = header.form, header.layout, header.columns
    images = len(columns.seeds)
    modes = {mode: form.read_mode(inside, layout, images, grid) for mode, inside in modes_of(group).items()}
    found = [(kind, form.read_baseline(group, kind, images, grid)) for kind in BASELINES]
    return PairResult(
        pair=header.pair,
        seeds=columns.seeds,
        noises=columns.noises,
        information=modes,
        estimator=layout.estimator,
        measure=layout.measure,
        surprisals=layout.surprisals,
        baselines={kind: maps for kind, maps in found if maps is not None},
        retried=header.retried,
        labels=header.labels,
        run_keys=columns.run_keys,
        condensed=form is condensed,
    )


def read_rows(prompt: str, seeds: Collection[int], pair: h5py.Group) -> list[dict[str, object]]:
    """Return the rows of one pair; see `FileTotals`."""
    header = read_pair_header(prompt, seeds, pair)
    form, layout, columns = header.form, header.layout, header.columns
    images = len(columns.seeds)
    levels = PER_IMAGE if "measures" in pair.attrs else PER_IMAGE[:1]
    names = tuple(f"{measure}/{level}" for measure in layout.measures for level in levels)
    about: dict[str, object] = dict(zip(("first", "second"), header.pair.words, strict=True))
    about |= {"measure": layout.measure, "estimator": layout.estimator, "labels": header.labels}
    about |= {"seeds": images, "image_seeds": columns.seeds, "sample_names": names, "noises": min(columns.noises)}
    rows = []
    for mode, group in modes_of(pair).items():
        summary, samples, together = form.read_listed(group, layout, images, levels)
        if samples.shape != (images, SAMPLED + len(names)) or together.shape not in ((0,), (len(layout.measures),)):
            raise Refused(f"{group.name} has samples that do not fit its images or measures")
        listed = dict(zip(DATASETS.values(), summary, strict=True))
        means = {name: float(mean) for name, (mean, _) in listed.items()}
        errors = {f"{name}_se": float(error) for name, (_, error) in listed.items()}
        rows.append({**about, "mode": mode, "samples": samples, "together": together, **means, **errors})
    return rows
