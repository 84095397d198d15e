"""Files -> records."""

import json
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import h5py
import numpy as np

from store.hdf5.access import REPAIR, UNREADABLE, UPDATE, Refused, is_newer, member, opened, text, values
from store.hdf5.layout import DATASETS, PER_IMAGE, SAMPLES
from store.information import BANDED, INFORMATION, InformationMaps, Replicates
from store.records import MODES, Label, PairResult, Probe, Provenance, RunKey, RunRecord, Span, TokenPair


@dataclass(frozen=True)
class Totals:
    """What a list shows of one file, read without its maps: a row for each pair and mode that can be read.

    A row has `mode`, `first`, `second`, `measure`, `estimator`, `noises`, `seeds` (how many), for each of DATASETS the
    mean total over images and NAME_se, its standard error, in nats; `labels`; and per image `image_seeds` and `samples`
    (P, 3 + N) in nats: the information of first, second and both, and the redundancy under each measure and level,
    named by `sample_names` (`mmi/pixel`).
    """

    key: RunKey
    created: str
    rows: list[dict[str, object]]
    problems: list[str]  # pairs that cannot be read, each with the mend


def read(path: Path, pair: str | None = None) -> RunRecord:
    """The record of one file; of its pairs only the one named `pair`, if that is given and there.

    Pairs written in a later version of the format than is known are left out.

    Raises
    ------
    NewerFormatError, BrokenFileError: with the mend in the text.
    """
    with opened(path) as file:
        return read_record(file, pair_names(file) if pair is None else {pair})


def read_record(root: h5py.Group, pairs: Set[str] = frozenset()) -> RunRecord:
    """The record that lies in `root`, a file or a run in a bundle, with those of `pairs` that are there.

    Raises one of `access.UNREADABLE`.
    """
    key, seeds = read_key(root), read_seeds(root)
    return RunRecord(
        key=key,
        seeds=seeds,
        images=values(root, "images", len(seeds), None, None, 3),
        latents=values(root, "latents", len(seeds), None, None, None),
        pairs=tuple(read_pair(key.prompt, group) for group in pair_groups(root, pairs) if not is_newer(group)),
        provenance=read_provenance(root),
    )


def images(path: Path) -> np.ndarray:
    """The images of a file, uint8 (S, H, W, 3); raises as `read` does."""
    with opened(path) as file:
        return values(file, "images", None, None, None, 3)


def read_key(root: h5py.Group) -> RunKey:
    """What decides the images of `root`."""
    model, revision, prompt, image = (text(root, name) for name in ("model", "model_revision", "prompt", "image"))
    return RunKey(model, revision, prompt, float(root.attrs["guidance"]), image)


def read_seeds(group: h5py.Group) -> tuple[int, ...]:
    """The seeds of the images in `group`."""
    return tuple(int(seed) for seed in values(group, "seeds", None))


def read_provenance(root: h5py.Group) -> Provenance:
    """How `root` came about."""
    return Provenance(text(root, "created"), text(root, "software"), json.loads(text(root, "settings")))


def pair_names(root: h5py.Group) -> set[str]:
    """The names of the pairs in `root`, readable or not."""
    return {unquote(name) for name in member(root, "pairs", h5py.Group)}


def pair_groups(root: h5py.Group, pairs: Set[str]) -> Iterator[h5py.Group]:
    """The groups of those of `pairs` that are there; the others are not touched."""
    for name in (groups := member(root, "pairs", h5py.Group)):
        if unquote(name) in pairs:
            yield member(groups, name, h5py.Group)


def modes_of(pair: h5py.Group) -> dict[str, h5py.Group]:
    """The groups of the modes in which `pair` was measured."""
    return {mode: member(pair, mode, h5py.Group) for mode in MODES if mode in pair}


def read_totals(path: Path) -> Totals:
    """The totals of one file. Raises as `read` does where not even the file's own attributes can be read."""
    with opened(path) as file:
        rows, problems = [], []
        for name in member(file, "pairs", h5py.Group):
            try:
                group = member(file["pairs"], name, h5py.Group)
                if is_newer(group):
                    problems.append(f"pair {unquote(name)} is written in a newer format; {UPDATE}")
                else:
                    rows += [_read_row(group, mode, inside) for mode, inside in modes_of(group).items()]
            except UNREADABLE as error:
                problems.append(f"pair {unquote(name)} is damaged ({error}); {REPAIR}")
        return Totals(read_key(file), text(file, "created"), rows, problems)


def read_pair(prompt: str, group: h5py.Group) -> PairResult:
    """What one pair's group holds."""
    attrs, seeds = group.attrs, read_seeds(group)
    attended = [
        values(group, name, len(seeds), None, None).astype(np.float32)
        for name in ("attention_first", "attention_second")
        if name in group
    ]
    surprisals = attrs.get("surprisals")
    return PairResult(
        pair=_read_words(prompt, group),
        seeds=seeds,
        noises=_read_noises(group, len(seeds)),
        information={mode: _read_mode(inside, len(seeds)) for mode, inside in modes_of(group).items()},
        estimator=text(group, "estimator"),
        measure=text(group, "measure"),
        surprisals=None if surprisals is None else (float(surprisals[0]), float(surprisals[1])),
        attention=np.stack(attended, axis=1) if attended else None,
        retried=int(attrs.get("retried", 0)),
        labels=_read_labels(group),
        run_keys=_read_run_keys(group, len(seeds)),
    )


def _read_words(prompt: str, group: h5py.Group) -> TokenPair | Probe:
    if "spans" not in group.attrs:
        return Probe(prompt, (text(group, "first"), text(group, "second")))
    first, second = (Span(*map(int, span)) for span in group.attrs["spans"])
    return TokenPair(prompt, first, second)


def _read_noises(group: h5py.Group, images: int) -> tuple[int, ...]:
    if "noises" in group:
        return tuple(map(int, values(group, "noises", images)))
    return (int(group.attrs["noises"]),) * images  # version 1


def _read_run_keys(group: h5py.Group, images: int) -> tuple[str, ...]:
    if "run_keys" in group:
        return tuple(key.decode() for key in values(group, "run_keys", images).tolist())
    return ("",) * images  # before version 3


def _read_labels(group: h5py.Group) -> tuple[Label, ...]:
    return tuple(Label(*map(str, label)) for label in json.loads(group.attrs.get("labels", "[]")))


def _read_mode(group: h5py.Group, images: int) -> InformationMaps:
    log_snr = values(group, "log_snr", None)
    curve = values(group, "curve", images, len(log_snr), 3)
    if "replicates" not in group:  # version 1: the means alone
        maps = {name: values(group, DATASETS[name], images, None, None)[:, None] for name in INFORMATION}
        nothing = np.full((images, len(log_snr), 2), np.nan, np.float32), np.zeros((images, 3), np.float32)
        return InformationMaps(Replicates(_single(maps)), {}, np.zeros(0, np.float32), curve, log_snr, *nothing)
    edges = values(group, "band_edges", None)
    return InformationMaps(
        maps=Replicates(_read_stack(group, "replicates", INFORMATION, images, None)),
        bands=_read_stack(group, "bands", BANDED, images, len(edges) - 1),
        band_edges=edges,
        curve=curve,
        log_snr=log_snr,
        gap=values(group, "gap", images, len(log_snr), 2),
        tail=values(group, "tail", images, 3),
    )


def _read_stack(
    group: h5py.Group, name: str, wanted: tuple[str, ...], images: int, count: int | None
) -> dict[str, np.ndarray]:
    """Maps by name, each (P, n, h, w), of which `wanted` have to be there."""
    stack = values(group, name, images, None, count, None, None)
    names = list(group[name].attrs["names"])
    if len(names) != stack.shape[1] or not set(wanted) <= set(names):
        raise Refused(f"{group[name].name} does not name its maps")
    return _single({name: stack[:, names.index(name)] for name in wanted})


def _single(maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: values.astype(np.float32) for name, values in maps.items()}


def _read_row(pair: h5py.Group, mode: str, group: h5py.Group) -> dict[str, object]:
    """The row of one pair in one mode; see `Totals`."""
    seeds = read_seeds(pair)
    row: dict[str, object] = {"mode": mode, "seeds": len(seeds), "image_seeds": seeds, "labels": _read_labels(pair)}
    row |= {name: text(pair, name) for name in ("first", "second", "measure", "estimator")}
    row["noises"] = int(pair.attrs["noises"])
    summary = group.attrs["summary"] if "summary" in group.attrs else _summary(group, len(seeds))
    for name, (mean, error) in zip(DATASETS.values(), summary, strict=True):
        row[name], row[f"{name}_se"] = float(mean), float(error)
    row["sample_names"], row["samples"] = _read_samples(pair, group, len(seeds))
    return row


def _summary(group: h5py.Group, images: int) -> list[tuple[float, float]]:
    """Mean total and its error of each of DATASETS, as files before version 3 do not state it."""
    found = []
    for name in DATASETS.values():
        totals, errors = values(group, f"{name}_total", images), values(group, f"{name}_total_se", images)
        found.append((totals.mean(), np.sqrt(np.square(errors).sum()) / images))
    return found


def _read_samples(pair: h5py.Group, group: h5py.Group, images: int) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and values (P, N) of what each image has; before version 3 of the file's own measure alone."""
    information = [values(group, f"{name}_total", images) for name in SAMPLES]
    if "parts" not in group:
        own = values(group, "redundancy_total", images)
        return (f"{pair.attrs['measure']}/pixel",), np.column_stack([*information, own])
    measures = list(group["parts"].attrs["measures"])
    parts = values(group, "parts", images, len(measures), len(PER_IMAGE), None, 2)
    names = tuple(f"{measure}/{level}" for measure in measures for level in PER_IMAGE)
    return names, np.column_stack([*information, parts[:, :, :, 0, 0].reshape(images, -1)])
