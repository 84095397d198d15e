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
                    rows += _read_rows(group)
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


def _read_rows(pair: h5py.Group) -> list[dict[str, object]]:
    """The rows of one pair; see `Totals`."""
    seeds, labels = read_seeds(pair), _read_labels(pair)
    about: dict[str, object] = {name: text(pair, name) for name in ("first", "second", "measure", "estimator")}
    about |= {"seeds": len(seeds), "image_seeds": seeds, "labels": labels, "noises": int(pair.attrs["noises"])}
    offered = pair.attrs.get("measures")
    names = [about["measure"]] if offered is None else list(offered)
    levels = PER_IMAGE[:1] if offered is None else PER_IMAGE
    about["sample_names"] = tuple(f"{measure}/{level}" for measure in names for level in levels)
    rows = []
    for mode, group in modes_of(pair).items():
        summary, samples = _read_listed(group, len(seeds))
        if samples.shape != (len(seeds), len(SAMPLES) + len(names) * len(levels)):
            raise Refused(f"{group.name} has samples that do not fit its images")
        columns = dict(zip(DATASETS.values(), summary, strict=True))
        means = {name: float(mean) for name, (mean, _) in columns.items()}
        errors = {f"{name}_se": float(error) for name, (_, error) in columns.items()}
        rows.append({**about, "mode": mode, "samples": samples, **means, **errors})
    return rows


def _read_listed(group: h5py.Group, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean total and its error of each of DATASETS, and what lists have of each image."""
    if "summary" in group.attrs:
        return group.attrs["summary"], group.attrs["samples"]
    totals, summary = {}, []  # before version 3
    for name, dataset in DATASETS.items():
        totals[name], errors = values(group, f"{dataset}_total", images), values(group, f"{dataset}_total_se", images)
        summary.append((totals[name].mean(), np.sqrt(np.square(errors).sum()) / images))
    return np.array(summary), np.column_stack([totals[name] for name in (*SAMPLES, "redundancy")])
