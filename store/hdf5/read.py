"""Files -> records."""

import json
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import h5py
import numpy as np

from store.hdf5.access import REPAIR, UNREADABLE, UPDATE, is_newer, member, opened, text, values
from store.hdf5.bounds import Refused
from store.hdf5.layouts import condensed, full
from store.hdf5.layouts.totals import SAMPLED, TotalsLayout
from store.hdf5.names import DATASETS
from store.pid.decomposition import PER_IMAGE
from store.records import MODES, Label, PairResult, Probe, Provenance, RunKey, RunRecord, Span, TokenPair


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
    """Returns the record of one file. Where `pair` is given, the record has at most the pair of that name.

    It leaves out pairs that later software wrote, in a version of the format that this software does not know.

    Raises
    ------
    NewerFormatError, BrokenFileError: with the mend in the text.
    """
    with opened(path) as file:
        return read_record(file, pair_names(file) if pair is None else {pair})


def read_record(root: h5py.Group, pairs: Set[str] = frozenset()) -> RunRecord:
    """Returns the record in `root`, a file or a run in a bundle, with those of `pairs` that are there.

    Raises one of `access.UNREADABLE`.
    """
    key, seeds = read_key(root), read_seeds(root)
    return RunRecord(
        key=key,
        seeds=seeds,
        images=read_images(root, len(seeds)),
        latents=read_latents(root, len(seeds)),
        pairs=tuple(read_pair(key.prompt, group) for group in pair_groups(root, pairs) if not is_newer(group)),
        provenance=read_provenance(root),
    )


def images(path: Path) -> np.ndarray:
    """Returns the images of a file, uint8 (S, H, W, 3); raises as `read` does."""
    with opened(path) as file:
        return read_images(file, len(read_seeds(file)))


def read_images(root: h5py.Group, count: int) -> np.ndarray:
    """Returns the images of `root`, uint8 (S, H, W, 3)."""
    if "pictures" in root:
        return condensed.read_pictures(root, count)
    return values(root, "images", count, None, None, 3)


def read_latents(root: h5py.Group, count: int) -> np.ndarray:
    """Returns the latents of `root`, float16 (S, c, h, w), NaN where they were not kept."""
    return condensed.no_latents(root, count) if "pictures" in root else values(root, "latents", count, None, None, None)


def latents(path: Path) -> tuple[tuple[int, ...], np.ndarray]:
    """Returns seeds and latents of a file, float16 (S, c, h, w); raises as `read` does."""
    with opened(path) as file:
        seeds = read_seeds(file)
        return seeds, values(file, "latents", len(seeds), None, None, None)


def read_key(root: h5py.Group) -> RunKey:
    """Returns the key of `root`: what decides its images."""
    model, revision, prompt, image = (text(root, name) for name in ("model", "model_revision", "prompt", "image"))
    return RunKey(model, revision, prompt, float(root.attrs["guidance"]), image)


def read_seeds(group: h5py.Group) -> tuple[int, ...]:
    """Returns the seeds of the images in `group`."""
    return tuple(int(seed) for seed in values(group, "seeds", None))


def read_provenance(root: h5py.Group) -> Provenance:
    """Returns when, with what software and under what settings `root` was written."""
    return Provenance(text(root, "created"), text(root, "software"), json.loads(text(root, "settings")))


def pair_names(root: h5py.Group) -> set[str]:
    """Returns the names of the pairs in `root`, readable or not."""
    return {unquote(name) for name in member(root, "pairs", h5py.Group)}


def pair_groups(root: h5py.Group, pairs: Set[str]) -> Iterator[h5py.Group]:
    """Yields the groups of those of `pairs` that are there; it does not touch the others."""
    for name in (groups := member(root, "pairs", h5py.Group)):
        if unquote(name) in pairs:
            yield member(groups, name, h5py.Group)


def modes_of(pair: h5py.Group) -> dict[str, h5py.Group]:
    """Returns the groups of the modes in which `pair` was measured."""
    return {mode: member(pair, mode, h5py.Group) for mode in MODES if mode in pair}


def read_totals(path: Path) -> FileTotals:
    """Returns the totals of one file. Raises as `read` does where the file's own attributes cannot be read."""
    with opened(path) as file:
        rows, problems = [], []
        for name in member(file, "pairs", h5py.Group):
            try:
                group = member(file["pairs"], name, h5py.Group)
                if is_newer(group):
                    problems.append(f"pair {unquote(name)} is written in a newer format; {UPDATE}")
                else:
                    rows += _read_rows(group)
            except UNREADABLE as error:
                problems.append(f"pair {unquote(name)} is damaged ({error}); {REPAIR}")
        return FileTotals(read_key(file), text(file, "created"), rows, problems)


def form_of(pair: h5py.Group) -> ModuleType:
    """Returns the module that reads `pair`: `full` or `condensed`."""
    return condensed if pair.attrs.get("condensed", False) else full


def read_pair(prompt: str, group: h5py.Group) -> PairResult:
    """Returns the result in the group of a pair."""
    form, layout = form_of(group), TotalsLayout.read(group)
    columns = form.read_columns(group)
    images = len(columns.seeds)
    return PairResult(
        pair=_read_words(prompt, group),
        seeds=columns.seeds,
        noises=columns.noises,
        information={mode: form.read_mode(inside, layout, images) for mode, inside in modes_of(group).items()},
        estimator=layout.estimator,
        measure=layout.measure,
        surprisals=layout.surprisals,
        attention=form.read_attention(group, images),
        retried=int(group.attrs.get("retried", 0)),
        labels=_read_labels(group),
        run_keys=columns.run_keys,
        condensed=form is condensed,
    )


def _read_words(prompt: str, group: h5py.Group) -> TokenPair | Probe:
    if "spans" not in group.attrs:
        return Probe(prompt, (text(group, "first"), text(group, "second")))
    first, second = (Span(*map(int, span)) for span in group.attrs["spans"])
    return TokenPair(prompt, first, second)


def _read_labels(group: h5py.Group) -> tuple[Label, ...]:
    return tuple(Label(*map(str, label)) for label in json.loads(group.attrs.get("labels", "[]")))


def _read_rows(pair: h5py.Group) -> list[dict[str, object]]:
    """Returns the rows of one pair; see `FileTotals`."""
    form, layout = form_of(pair), TotalsLayout.read(pair)
    columns = form.read_columns(pair)
    images = len(columns.seeds)
    levels = PER_IMAGE if "measures" in pair.attrs else PER_IMAGE[:1]
    names = tuple(f"{measure}/{level}" for measure in layout.measures for level in levels)
    about: dict[str, object] = {name: text(pair, name) for name in ("first", "second")}
    about |= {"measure": layout.measure, "estimator": layout.estimator, "labels": _read_labels(pair)}
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
