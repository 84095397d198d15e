"""Run records as HDF5 files, published whole. `FORMAT.md` beside this file is the specification."""

import dataclasses
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import h5py
import numpy as np
from filelock import FileLock

from store.errors import BrokenFileError, NewerFormatError, StoreError
from store.records import (
    MODES,
    PARTS,
    Decomposition,
    Estimate,
    InformationMaps,
    PairResult,
    Provenance,
    RunKey,
    RunRecord,
    Span,
    TokenPair,
)

FORMAT_VERSION = 1
MAPS = "maps"
LOCK = ".lock"
SOFTWARE = "diffusionpid-dashboard 0.1"
INFORMATION = {  # field of InformationMaps -> dataset
    "first": "information_first",
    "second": "information_second",
    "both": "information_both",
    "between": "information_between",
    "conditional_first": "conditional_first",
    "conditional_second": "conditional_second",
    "standard_first": "standard_first",
    "standard_second": "standard_second",
    "standard_both": "standard_both",
}
PRECISION = 2e-3  # relative: the identities hold to this after rounding to float16
COMPRESSION = {"compression": "gzip", "compression_opts": 4, "shuffle": True, "fletcher32": True}
UNREADABLE = (OSError, KeyError, ValueError, TypeError, RuntimeError)


def slug(text: str, length: int = 60) -> str:
    """`text` as part of a file name: letters, digits, dots and dashes."""
    return re.sub(r"[^a-z0-9.]+", "-", text.casefold()).strip("-.")[:length] or "x"


def path_of(root: Path, key: RunKey) -> Path:
    """Where the file of `key` lies in the store `root`."""
    digest = hashlib.sha256(json.dumps(dataclasses.astuple(key)).encode()).hexdigest()
    return root / MAPS / slug(key.model) / digest[:2] / f"{slug(key.prompt)}-{digest[:12]}.h5"


def paths(root: Path) -> Iterator[Path]:
    """All published files of the store, in no particular order."""
    return (root / MAPS).glob("*/*/*.h5")


def publish(root: Path, record: RunRecord) -> Path:
    """Write `record` into the store, beside the pairs that its file already holds.

    The file is written aside, flushed to disk and renamed into place: readers see the old or the
    new one, never a part. A pair that is there already is replaced.

    Raises
    ------
    StoreError: the folder cannot be written.
    """
    path = path_of(root, record.key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(root / LOCK):
            merged = _merge(read(path), record) if path.exists() else record
            _replace(path, merged)
    except OSError as error:
        raise StoreError(path, f"cannot be written ({error.strerror or error})", "choose another --store") from error
    return path


def check_writable(root: Path) -> None:
    """Raise a StoreError now, rather than after the computation, if `root` cannot be written."""
    existing = next(folder for folder in (root.absolute(), *root.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise StoreError(root, f"{existing} is not a folder you may write to", "choose another --store")


def read(path: Path) -> RunRecord:
    """The record of one file.

    Raises
    ------
    NewerFormatError, BrokenFileError: with the mend in the text.
    """
    with _opened(path) as file:
        prompt = file.attrs["prompt"]
        return RunRecord(
            key=_read_key(file),
            seeds=tuple(int(seed) for seed in file["seeds"]),
            images=file["images"][:],
            latents=file["latents"][:],
            pairs=tuple(_read_pair(prompt, group) for group in file["pairs"].values()),
            provenance=Provenance(file.attrs["created"], file.attrs["software"], json.loads(file.attrs["settings"])),
        )


def read_totals(path: Path) -> tuple[RunKey, str, list[dict[str, object]]]:
    """Key, time of creation and, for each pair and mode, name -> mean total and its error in nats.

    No map is read. Raises as `read` does.
    """
    with _opened(path) as file:
        rows = [_read_row(group, mode) for group in file["pairs"].values() for mode in MODES if mode in group]
        return _read_key(file), file.attrs["created"], rows


def problems(path: Path) -> list[str]:
    """What is wrong with a file: unreadable parts and identities that do not hold. Empty if sound."""
    try:
        record = read(path)
    except (BrokenFileError, NewerFormatError) as error:
        return [f"{error.cause}; {error.mend}"]
    found = [] if path_of(path.parents[3], record.key) == path else ["its name does not belong to its key"]
    for result in record.pairs:
        for mode, decomposition in result.decompositions.items():
            place = f"{result.pair.name}/{mode}"
            found += [f"{place}: {name} does not hold" for name in decomposition.violations(PRECISION)]
            found += [] if decomposition.finite else [f"{place}: values that are not finite"]
    return found


class _opened:
    """A file of this format, open for reading; any trouble in the block comes out as a store error."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> h5py.File:
        try:
            self.file = h5py.File(self.path, "r", locking=False)
        except OSError as error:
            raise self._broken(error) from error
        version = self.file.attrs.get("format_version", 0)
        if version > FORMAT_VERSION:
            self.file.close()
            cause = f"written in format {version}, this software knows up to {FORMAT_VERSION}"
            raise NewerFormatError(self.path, cause, "update the software")
        if not self.file.attrs.get("complete", False):
            self.file.close()
            raise self._broken("not marked complete")
        return self.file

    def __exit__(self, kind, error, trace) -> None:
        self.file.close()
        if isinstance(error, UNREADABLE):
            raise self._broken(error) from error

    def _broken(self, cause: object) -> BrokenFileError:
        reason = "truncated, damaged or no HDF5" if isinstance(cause, OSError) else cause
        return BrokenFileError(self.path, f"not a complete result file ({reason})", "remove it and compute it again")


def _merge(old: RunRecord, new: RunRecord) -> RunRecord:
    fresh = {result.pair.name for result in new.pairs}
    kept = tuple(result for result in old.pairs if result.pair.name not in fresh)
    added = [index for index, seed in enumerate(new.seeds) if seed not in old.seeds]
    return dataclasses.replace(
        new,
        seeds=old.seeds + tuple(new.seeds[index] for index in added),
        images=np.concatenate([old.images, new.images[added]]),
        latents=np.concatenate([old.latents, new.latents[added]]),
        pairs=kept + new.pairs,
    )


def _replace(path: Path, record: RunRecord) -> None:
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".part")
    os.close(handle)
    try:
        with h5py.File(aside, "w", libver=("earliest", "v110")) as file:
            _write(file, record)
        os.chmod(aside, 0o644)
        _sync(aside)
        os.replace(aside, path)
        _sync(path.parent)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _sync(path: str | Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(file: h5py.File, record: RunRecord) -> None:
    key, provenance = record.key, record.provenance
    file.attrs.update(
        format_version=FORMAT_VERSION,
        model=key.model,
        model_revision=key.revision,
        prompt=key.prompt,
        guidance=key.guidance,
        image=key.image,
        created=provenance.created,
        software=provenance.software,
        settings=json.dumps(provenance.settings, sort_keys=True),
    )
    file["seeds"] = np.array(record.seeds, np.int64)
    _write_array(file, "images", record.images)
    _write_array(file, "latents", record.latents)
    groups = file.create_group("pairs")
    for result in record.pairs:
        _write_pair(groups.create_group(quote(result.pair.name, safe=" +'")), result)
    file.attrs["complete"] = True


def _write_array(group: h5py.Group, name: str, values: np.ndarray) -> None:
    group.create_dataset(name, data=values, chunks=(1, *values.shape[1:]), **COMPRESSION)


def _write_pair(group: h5py.Group, result: PairResult) -> None:
    first, second = result.pair.words
    measures = {decomposition.measure for decomposition in result.decompositions.values()}
    group.attrs.update(
        first=first,
        second=second,
        spans=np.array([result.pair.first, result.pair.second], np.int64),
        measure=measures.pop(),
        estimator=result.estimator,
        unit="nats",
        noises=result.noises,
    )
    group["seeds"] = np.array(result.seeds, np.int64)
    for mode, decomposition in result.decompositions.items():
        inside, maps = group.create_group(mode), decomposition.information
        for attribute, name in INFORMATION.items():
            _write_estimate(inside, name, getattr(maps, attribute))
        for name in PARTS:
            _write_estimate(inside, name, getattr(decomposition, name))
        inside["curve"] = maps.curve.astype(np.float32)
        inside["log_snr"] = maps.log_snr.astype(np.float32)


def _write_estimate(group: h5py.Group, name: str, estimate: Estimate) -> None:
    for suffix, values in (("", estimate.map), ("_se", estimate.map_se)):
        half = np.abs(values).max(initial=0) < np.finfo(np.float16).max
        _write_array(group, name + suffix, values.astype(np.float16 if half else np.float32))
    group[f"{name}_total"] = estimate.total.astype(np.float64)
    group[f"{name}_total_se"] = estimate.total_se.astype(np.float64)


def _read_key(file: h5py.File) -> RunKey:
    attrs = file.attrs
    return RunKey(attrs["model"], attrs["model_revision"], attrs["prompt"], float(attrs["guidance"]), attrs["image"])


def _read_pair(prompt: str, group: h5py.Group) -> PairResult:
    first, second = (Span(*map(int, span)) for span in group.attrs["spans"])
    measure = group.attrs["measure"]
    return PairResult(
        pair=TokenPair(prompt, first, second),
        seeds=tuple(int(seed) for seed in group["seeds"]),
        estimator=group.attrs["estimator"],
        noises=int(group.attrs["noises"]),
        decompositions={mode: _read_mode(group[mode], measure) for mode in MODES if mode in group},
    )


def _read_mode(group: h5py.Group, measure: str) -> Decomposition:
    maps = {attribute: _read_estimate(group, name) for attribute, name in INFORMATION.items()}
    parts = {name: _read_estimate(group, name) for name in PARTS}
    information = InformationMaps(**maps, curve=group["curve"][:], log_snr=group["log_snr"][:])
    return Decomposition(measure, information, **parts)


def _read_estimate(group: h5py.Group, name: str) -> Estimate:
    values, errors = (group[name + suffix][:].astype(np.float32) for suffix in ("", "_se"))
    return Estimate(values, errors, group[f"{name}_total"][:], group[f"{name}_total_se"][:])


def _read_row(group: h5py.Group, mode: str) -> dict[str, object]:
    attrs, row = group.attrs, {"mode": mode, "seeds": len(group["seeds"])}
    row |= {name: attrs[name] for name in ("first", "second", "measure", "estimator")}
    row["noises"] = int(attrs["noises"])
    for name in (*INFORMATION.values(), *PARTS):
        totals, errors = group[mode][f"{name}_total"][:], group[mode][f"{name}_total_se"][:]
        row[name] = float(totals.mean())
        row[f"{name}_se"] = float(np.sqrt(np.square(errors).sum()) / len(errors))
    return row
