"""Records -> files, published whole.

A file is composed in memory and written in one go: when a disk is full, HDF5 fails in a way that ends the process, a
plain write does not.
"""

import dataclasses
import json
import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

import h5py
import numpy as np
from filelock import FileLock

from store import measures
from store.atomic import replacing, sweep
from store.decomposition import PARTS, Decomposition, parts
from store.errors import BrokenFileError, NewerFormatError, StoreError
from store.hdf5.access import UPDATE, digest, is_newer, member, members, opened
from store.hdf5.checking import problems
from store.hdf5.layout import APART, DATASETS, FORMAT_VERSION, LOCK, PER_IMAGE, SAMPLES, group_name, path_of
from store.hdf5.quarantine import set_aside
from store.hdf5.reading import read_pair, read_record
from store.information import BANDED, INFORMATION, LEVELS, Estimate, InformationMaps
from store.records import PairResult, RunRecord, TokenPair

COMPRESSION = {"compression": "gzip", "compression_opts": 4, "shuffle": True, "fletcher32": True}
KEPT_BITS = 4  # of a replicate's mantissa: rounding by 3 % at most is far below its own error


def publish(root: Path, record: RunRecord, keep: bool = False) -> Path:
    """Write `record` into the store, beside what its file already holds.

    The file is written aside, flushed to disk and renamed into place: readers see the old or the new one, never a
    part. Other pairs stay as they are, to the byte. Of an image of the same pair, measured alike, what has more noises
    stays; of equal ones the new, or with `keep` the one that is there. A file that cannot be read is set aside.

    Raises
    ------
    NewerFormatError: the file that is there, or the pair in it, was written by later software.
    StoreError: the folder cannot be written, or the disk is full; what was there stays.
    """
    path = path_of(root, record.key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(root):
            sweep(path.parent)
            write_whole(path, _composed(root, path, record, keep))
    except OSError as error:
        mend = "make room, or choose another --store; what was there is unharmed"
        raise StoreError(path, f"cannot be written ({error.strerror or error})", mend) from error
    return path


def writing(root: Path) -> FileLock:
    """The lock of the store, to be held by whoever changes its files: one at a time, on all machines that share it."""
    return FileLock(root / LOCK, is_singleton=True)


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in the place of `path`; raises OSError where that fails, and leaves what was there."""
    with replacing(path) as aside:
        aside.write_bytes(content)


def check_writable(root: Path) -> None:
    """Raise a StoreError now, rather than after the computation, if `root` cannot be written."""
    existing = next(folder for folder in (root.absolute(), *root.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise StoreError(root, f"{existing} is not a folder you may write to", "choose another --store")


def _composed(root: Path, path: Path, record: RunRecord, keep: bool) -> bytes:
    """The file of `record` with what is there already; if that is damaged, it is set aside."""
    if path.exists():
        try:
            with opened(path) as file:
                return image(*_merge(file, path, record, keep))
        except BrokenFileError:
            if not problems(path):
                raise
            set_aside(root, path)
    return image(record)


def _merge(file: h5py.File, path: Path, new: RunRecord, keep: bool) -> tuple[RunRecord, list[h5py.Group]]:
    """What is to be written anew, and the pairs of `file` that stay as they are."""
    old = read_record(file)
    wanted, joined, untouched = {result.pair.name: result for result in new.pairs}, [], []
    for name, group in members(member(file, "pairs", h5py.Group), h5py.Group):
        if (result := wanted.pop(unquote(name), None)) is None:
            untouched.append(group)
        elif is_newer(group):
            raise NewerFormatError(path, f"its pair {unquote(name)} is in a newer format", UPDATE)
        else:
            joined.append(_joined(read_pair(new.key.prompt, group), result, keep))
    added = [index for index, seed in enumerate(new.seeds) if seed not in old.seeds]
    record = dataclasses.replace(
        new,
        seeds=old.seeds + tuple(new.seeds[index] for index in added),
        images=np.concatenate([old.images, new.images[added]]),
        latents=np.concatenate([old.latents, new.latents[added]]),
        pairs=(*joined, *wanted.values()),
        provenance=old.provenance if keep else new.provenance,
    )
    return record, untouched


def _joined(old: PairResult, new: PairResult, keep: bool) -> PairResult:
    """Both, image by image, if they were measured alike; else the new one, or with `keep` the old."""
    if not old.measured_like(new):
        return old if keep else new
    newer, older = (old, new) if keep else (new, old)
    known = dict(zip(older.seeds, older.noises, strict=True))
    better = [seed for seed, noises in zip(newer.seeds, newer.noises, strict=True) if noises >= known.get(seed, 0)]
    return older.joined(newer.of_seeds(better))


def image(record: RunRecord, untouched: Iterable[h5py.Group] = ()) -> bytes:
    """The bytes of a file that holds `record`, and `untouched` pairs of other files as they are."""
    with h5py.File.in_memory(libver="v110") as file:
        _write(file, record)
        for group in untouched:
            group.file.copy(group, file["pairs"])
        file.attrs["complete"] = True
        file.flush()
        return file.id.get_file_image()


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
    _write_small(file, "seeds", np.array(record.seeds, np.int64))
    _write_array(file, "images", record.images)
    _write_array(file, "latents", record.latents)
    groups = file.create_group("pairs")
    for result in record.pairs:
        _write_pair(groups.create_group(group_name(result.pair.name)), result)
    file.attrs["digest"] = digest(file, APART, own=True)


def _write_array(group: h5py.Group, name: str, values: np.ndarray) -> None:
    group.create_dataset(name, data=values, chunks=(1, *values.shape[1:]), **COMPRESSION)


def _write_small(group: h5py.Group, name: str, values: np.ndarray) -> None:
    group.create_dataset(name, data=values, chunks=values.shape, fletcher32=True)


def _write_pair(group: h5py.Group, result: PairResult) -> None:
    first, second = result.pair.words
    group.attrs.update(
        version=FORMAT_VERSION,
        first=first,
        second=second,
        measure=result.measure,
        estimator=result.estimator,
        unit="nats",
        noises=min(result.noises),
        retried=result.retried,
        labels=json.dumps(result.labels),
        measures=measures.offered(result.surprisals, result.estimator),
    )
    if isinstance(result.pair, TokenPair):
        group.attrs["spans"] = np.array([result.pair.first, result.pair.second], np.int64)
    if result.surprisals:
        group.attrs["surprisals"] = np.array(result.surprisals, np.float64)
    _write_small(group, "seeds", np.array(result.seeds, np.int64))
    _write_small(group, "noises", np.array(result.noises, np.int64))
    _write_small(group, "run_keys", np.array(result.keys_by_image, "S64"))
    if result.attention is not None:
        _write_array(group, "attention_first", result.attention[:, 0].astype(np.float16))
        _write_array(group, "attention_second", result.attention[:, 1].astype(np.float16))
    for mode in result.information:
        _write_mode(group.create_group(mode), result, mode)
    group.attrs["digest"] = digest(group, own=True)


def _write_mode(group: h5py.Group, result: PairResult, mode: str) -> None:
    information, shown = result.information[mode], result.decomposition(mode)
    group.attrs["version"] = FORMAT_VERSION
    group.attrs["summary"] = [shown.shown(name).mean() for name in DATASETS]
    for name, dataset in DATASETS.items():
        _write_estimate(group, dataset, shown.shown(name))
    maps = information.maps.maps
    _write_stack(group, "replicates", [_few_bits(maps[name]) for name in INFORMATION], INFORMATION)
    if information.bands:
        _write_stack(group, "bands", [_compact(information.bands[name], KEPT_BITS) for name in BANDED], BANDED)
    for name in ("band_edges", "curve", "log_snr", "gap", "tail"):
        _write_small(group, name, getattr(information, name).astype(np.float32))
    _write_parts(group, result, shown, information)


def _write_parts(group: h5py.Group, result: PairResult, shown: Decomposition, information: InformationMaps) -> None:
    """Totals and errors of the parts under every measure that can be taken, at every level; and what lists need."""
    offered = measures.offered(result.surprisals, result.estimator)
    by_level = {
        level: np.stack([_parts(information, result, measure, level) for measure in offered], axis=1)
        for level in LEVELS
    }  # (P, M, 4, 2)
    per_image = np.stack([by_level[level] for level in PER_IMAGE], axis=2)
    _write_small(group, "parts", per_image)
    _write_small(group, "parts_together", by_level["prompt"][0])
    totals = [shown.shown(name).total for name in SAMPLES]
    group.attrs["samples"] = np.column_stack([*totals, per_image[..., 0, 0].reshape(len(per_image), -1)])


def _parts(information: InformationMaps, result: PairResult, measure: str, level: str) -> np.ndarray:
    found = parts(information.maps.at(level), measure, result.estimator, result.surprisals)
    return np.stack([np.stack([found[name].total, found[name].total_se], axis=-1) for name in PARTS], axis=1)


def _write_estimate(group: h5py.Group, name: str, estimate: Estimate) -> None:
    _write_array(group, name, _compact(estimate.map))
    _write_small(group, f"{name}_total", estimate.total.astype(np.float64))
    _write_small(group, f"{name}_total_se", estimate.total_se.astype(np.float64))


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
