"""Run records as HDF5 files, published whole. `FORMAT.md` beside this file is the specification."""

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import h5py
import numpy as np
from filelock import FileLock

from store.atomic import replacing, sweep
from store.decomposition import PARTS, Decomposition
from store.errors import BrokenFileError, NewerFormatError, StoreError
from store.information import BANDED, INFORMATION, Estimate, InformationMaps, Replicates
from store.measures import ORTHOGONAL, STANDARD
from store.records import MODES, PairResult, Probe, Provenance, RunKey, RunRecord, Span, TokenPair

FORMAT_VERSION = 2
MAPS, FILES = "maps", "*.h5"
LOCK = ".lock"
SOFTWARE = "diffusionpid-dashboard 0.1"
DATASETS = {  # name of an estimate -> dataset
    name: f"information_{name}" if name in BANDED else name for name in (*INFORMATION, *PARTS)
}
PRECISION = 2e-3  # relative: the identities hold to this after rounding to float16
COMPRESSION = {"compression": "gzip", "compression_opts": 4, "shuffle": True, "fletcher32": True}
KEPT_BITS = 4  # of a replicate's mantissa: rounding by 3 % at most is far below its own error
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
    for folder in folders(root):
        yield from folder.glob(FILES)


def folders(root: Path) -> Iterator[Path]:
    """The folders that files are published in."""
    return (root / MAPS).glob("*/*")


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
            sweep(path.parent)
            merged = _merge(read(path), record) if path.exists() else record
            with replacing(path) as aside, h5py.File(aside, "w", libver="v110") as file:
                _write(file, merged)
    except OSError as error:
        raise StoreError(path, f"cannot be written ({error.strerror or error})", "choose another --store") from error
    return path


def check_writable(root: Path) -> None:
    """Raise a StoreError now, rather than after the computation, if `root` cannot be written."""
    existing = next(folder for folder in (root.absolute(), *root.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise StoreError(root, f"{existing} is not a folder you may write to", "choose another --store")


def read(path: Path, pair: str | None = None) -> RunRecord:
    """The record of one file; of its pairs only the one named `pair`, if that is given and there.

    Raises
    ------
    NewerFormatError, BrokenFileError: with the mend in the text.
    """
    with _opened(path) as file:
        groups = [group for name, group in file["pairs"].items() if pair in (None, unquote(name))]
        return RunRecord(
            key=_read_key(file),
            seeds=tuple(int(seed) for seed in file["seeds"]),
            images=file["images"][:],
            latents=file["latents"][:],
            pairs=tuple(_read_pair(file.attrs["prompt"], group) for group in groups),
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
        with _opened(path) as file:
            shown = [_read_shown(group) for group in file["pairs"].values()]
    except (BrokenFileError, NewerFormatError) as error:
        return [f"{error.cause}; {error.mend}"]
    found = [] if path_of(path.parents[3], record.key) == path else ["its name does not belong to its key"]
    for result, modes in zip(record.pairs, shown, strict=True):
        for mode, decomposition in modes.items():
            place = f"{result.pair.name}/{mode}"
            found += [f"{place}: {name} does not hold" for name in decomposition.violations(PRECISION)]
            found += [] if decomposition.finite else [f"{place}: values that are not finite"]
            derived = result.decomposition(mode)
            found += [f"{place}: {name} is not the mean of its replicates" for name in _apart(decomposition, derived)]
    return found


def _apart(shown: Decomposition, derived: Decomposition) -> list[str]:
    """The quantities whose total differs from what the replicates say by more than their rounding explains."""
    found = []
    for name in (*INFORMATION, *PARTS):
        expected = _as_shown(derived, name)
        size = np.abs(derived["both"].map).sum(axis=(1, 2), dtype=np.float64)
        size += np.abs(expected.map).sum(axis=(1, 2), dtype=np.float64)
        if (np.abs(shown[name].total - expected.total) > PRECISION * size + 1e-6).any():
            found.append(DATASETS[name])
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
    """`new` beside what `old` has: other pairs, and other images of the same pairs measured alike."""
    before = {result.pair.name: result for result in old.pairs}
    joined = tuple(_extended(before.pop(result.pair.name, None), result) for result in new.pairs)
    added = [index for index, seed in enumerate(new.seeds) if seed not in old.seeds]
    return dataclasses.replace(
        new,
        seeds=old.seeds + tuple(new.seeds[index] for index in added),
        images=np.concatenate([old.images, new.images[added]]),
        latents=np.concatenate([old.latents, new.latents[added]]),
        pairs=(*before.values(), *joined),
    )


def _extended(old: PairResult | None, new: PairResult) -> PairResult:
    alike = old is not None and all(
        mode in old.information
        and old.information[mode].maps.count == maps.maps.count
        and np.array_equal(old.information[mode].log_snr, maps.log_snr)
        for mode, maps in new.information.items()
    )
    return old.joined(new) if old is not None and alike else new


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
    group.attrs.update(
        first=first,
        second=second,
        measure=result.measure,
        estimator=result.estimator,
        unit="nats",
        noises=min(result.noises),
        retried=result.retried,
    )
    if isinstance(result.pair, TokenPair):
        group.attrs["spans"] = np.array([result.pair.first, result.pair.second], np.int64)
    if result.surprisals:
        group.attrs["surprisals"] = np.array(result.surprisals, np.float64)
    group["seeds"] = np.array(result.seeds, np.int64)
    group["noises"] = np.array(result.noises, np.int64)
    if result.attention is not None:
        _write_array(group, "attention_first", result.attention[:, 0].astype(np.float16))
        _write_array(group, "attention_second", result.attention[:, 1].astype(np.float16))
    for mode, information in result.information.items():
        _write_mode(group.create_group(mode), information, result.decomposition(mode))


def _write_mode(group: h5py.Group, information: InformationMaps, shown: Decomposition) -> None:
    for name, dataset in DATASETS.items():
        _write_estimate(group, dataset, _as_shown(shown, name))
    maps = information.maps.maps
    _write_stack(group, "replicates", [_few_bits(maps[name]) for name in INFORMATION], INFORMATION)
    _write_stack(group, "bands", [_compact(information.bands[name], KEPT_BITS) for name in BANDED], BANDED)
    for name in ("band_edges", "curve", "log_snr", "gap", "tail"):
        group[name] = getattr(information, name).astype(np.float32)


def _as_shown(decomposition: Decomposition, name: str) -> Estimate:
    """The estimate that stands under `name`: of I1, I2, I12 that of the estimator which the parts add up to."""
    standard = f"standard_{name}"
    return decomposition[standard if decomposition.estimator == STANDARD and standard in INFORMATION else name]


def _write_estimate(group: h5py.Group, name: str, estimate: Estimate) -> None:
    _write_array(group, name, _compact(estimate.map))
    group[f"{name}_total"] = estimate.total.astype(np.float64)
    group[f"{name}_total_se"] = estimate.total_se.astype(np.float64)


def _write_stack(group: h5py.Group, name: str, maps: list[np.ndarray], names: tuple[str, ...]) -> None:
    """Maps (P, n, h, w) of several names as one array (P, names, n, h, w)."""
    _write_array(group, name, _compact(np.stack(maps, axis=1)))
    group[name].attrs["names"] = list(names)


def _few_bits(replicates: np.ndarray) -> np.ndarray:
    """Replicates (P, R, h, w) with few bits each, but the last: it takes up what the others lost, so the mean stays."""
    kept = replicates.astype(np.float32)
    carry = np.zeros_like(kept[:, 0])
    for index in range(kept.shape[1] - 1):
        wanted = kept[:, index] + carry
        kept[:, index] = _compact(wanted, KEPT_BITS)
        carry = wanted - kept[:, index]
    kept[:, -1] += carry
    return kept


def _compact(values: np.ndarray, bits: int = 10) -> np.ndarray:
    """In half precision, its mantissa rounded to `bits`; in single precision if a value does not fit."""
    if not np.abs(values).max(initial=0) < np.finfo(np.float16).max / 2:
        return values.astype(np.float32)
    dropped, whole = 10 - bits, values.astype(np.float16).view(np.uint16)
    if dropped:
        whole = (whole + np.uint16(1 << (dropped - 1))) & np.uint16(0xFFFF << dropped & 0xFFFF)
    return whole.view(np.float16)


def _read_key(file: h5py.File) -> RunKey:
    attrs = file.attrs
    return RunKey(attrs["model"], attrs["model_revision"], attrs["prompt"], float(attrs["guidance"]), attrs["image"])


def _read_pair(prompt: str, group: h5py.Group) -> PairResult:
    attrs, seeds = group.attrs, tuple(int(seed) for seed in group["seeds"])
    attended = [group[name][:].astype(np.float32) for name in ("attention_first", "attention_second") if name in group]
    surprisals = attrs.get("surprisals")
    return PairResult(
        pair=_read_words(prompt, group),
        seeds=seeds,
        noises=tuple(map(int, group["noises"])) if "noises" in group else (int(attrs["noises"]),) * len(seeds),
        information={mode: _read_mode(group[mode]) for mode in MODES if mode in group},
        estimator=attrs["estimator"],
        measure=attrs["measure"],
        surprisals=None if surprisals is None else (float(surprisals[0]), float(surprisals[1])),
        attention=np.stack(attended, axis=1) if attended else None,
        retried=int(attrs.get("retried", 0)),
    )


def _read_words(prompt: str, group: h5py.Group) -> TokenPair | Probe:
    if "spans" not in group.attrs:
        return Probe(prompt, (group.attrs["first"], group.attrs["second"]))
    first, second = (Span(*map(int, span)) for span in group.attrs["spans"])
    return TokenPair(prompt, first, second)


def _read_mode(group: h5py.Group) -> InformationMaps:
    curve, log_snr = group["curve"][:], group["log_snr"][:]
    if "replicates" not in group:  # version 1: the means alone
        maps = {name: group[DATASETS[name]][:][:, None] for name in INFORMATION}
        seeds, bands = len(curve), len(log_snr)
        nothing = np.full((seeds, bands, 2), np.nan, np.float32), np.zeros((seeds, 3), np.float32)
        return InformationMaps(Replicates(_single(maps)), {}, np.zeros(0, np.float32), curve, log_snr, *nothing)
    return InformationMaps(
        maps=Replicates(_read_stack(group["replicates"])),
        bands=_read_stack(group["bands"]),
        band_edges=group["band_edges"][:],
        curve=curve,
        log_snr=log_snr,
        gap=group["gap"][:],
        tail=group["tail"][:],
    )


def _read_stack(stack: h5py.Dataset) -> dict[str, np.ndarray]:
    values = stack[:]
    return _single({name: values[:, index] for index, name in enumerate(stack.attrs["names"])})


def _single(maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: values.astype(np.float32) for name, values in maps.items()}


def _read_shown(group: h5py.Group) -> dict[str, Decomposition]:
    """What the file shows of one pair, by mode, as it stands there."""
    return {mode: _read_shown_mode(group, group[mode]) for mode in MODES if mode in group}


def _read_shown_mode(group: h5py.Group, mode: h5py.Group) -> Decomposition:
    shown = {}
    for name, dataset in DATASETS.items():
        values = mode[dataset][:].astype(np.float32)
        totals, errors = mode[f"{dataset}_total"][:], mode[f"{dataset}_total_se"][:]
        shown[name] = Estimate(values, np.full_like(values, np.nan), totals, errors)
    return Decomposition(group.attrs["measure"], ORTHOGONAL, shown)


def _read_row(group: h5py.Group, mode: str) -> dict[str, object]:
    attrs, row = group.attrs, {"mode": mode, "seeds": len(group["seeds"])}
    row |= {name: attrs[name] for name in ("first", "second", "measure", "estimator")}
    row["noises"] = int(attrs["noises"])
    for name in DATASETS.values():
        totals, errors = group[mode][f"{name}_total"][:], group[mode][f"{name}_total_se"][:]
        row[name] = float(totals.mean())
        row[f"{name}_se"] = float(np.sqrt(np.square(errors).sum()) / len(errors))
    return row
