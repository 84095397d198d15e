"""Records -> files. A file is published whole and keeps what it already holds."""

import dataclasses
import os
from contextlib import AbstractContextManager
from pathlib import Path

import h5py
import numpy as np

from store.errors import BrokenFileError, InputError, NewerFormatError, StoreError
from store.files.atomic import replacing, sweep
from store.files.locks import check_lockable, locked
from store.hdf5.access import UPDATE, is_newer, member_names, opened
from store.hdf5.bounds import Allowance, Refused, member
from store.hdf5.compose import compose
from store.hdf5.header import PAIRS, read_seeds
from store.hdf5.names import LOCK, path_of
from store.hdf5.read import pair_in, read_grid, read_pair, read_record
from store.hdf5.rules import check_record
from store.hdf5.soundness.check import problems
from store.hdf5.soundness.quarantine import set_aside
from store.records import PairResult, RunRecord


def publish(root: Path, record: RunRecord, keep: bool = False) -> Path:
    """Write `record` into the store and return the place of its file, which keeps what it already holds.

    The file is written aside, flushed to disk and renamed into place: readers see the old or the new one, never a
    part. Other pairs stay as they are, to the byte. Where both have an image of the same pair, measured alike, the one
    with more noises stays; of equal ones the new, or with `keep` the old. A pair in full takes no condensed images. A
    condensed pair condenses the images that it takes, unless they include all of its own. A file that cannot be read
    is set aside.

    Raises
    ------
    InputError: a text or number of the record is none that files may hold.
    NewerFormatError: the file that is there, or the pair in it, was written by later software.
    StoreError: the folder cannot be written or locked, or the disk is full; what was there stays.
    """
    try:
        check_record(record)
    except Refused as error:
        raise InputError(
            f"prompt {record.key.prompt!r}", f"it cannot be stored: {error}", "ask for it without"
        ) from error
    path = path_of(root, record.key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with store_lock(root):
            sweep(path.parent)
            write_whole(path, _composed(root, path, record, keep))
    except OSError as error:
        mend = "make room, or choose another --store; what was there is unharmed"
        raise StoreError(path, f"cannot be written ({error.strerror or error})", mend) from error
    return path


def store_lock(root: Path) -> AbstractContextManager[None]:
    """Hold the lock of the store: whoever changes its files does, one at a time on all machines that share it."""
    return locked(root / LOCK)


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` in the place of `path`. Where that fails, raises OSError and leaves what was there."""
    with replacing(path, over_link=True) as aside:
        aside.write_bytes(content)


def check_writable(root: Path) -> None:
    """Raise a StoreError if `root` cannot be written or locked; to be called before a computation."""
    existing = next(folder for folder in (root.absolute(), *root.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise StoreError(root, f"{existing} is not a folder you may write to", "choose another --store")
    try:
        check_lockable(existing)
    except OSError as error:
        reason = f"{existing} cannot be written ({error.strerror or error})"
        raise StoreError(root, reason, "choose another --store") from error


def _composed(root: Path, path: Path, record: RunRecord, keep: bool) -> bytes:
    """Return the bytes of the file of `record` with what is there already; a damaged file is set aside."""
    if path.exists():
        try:
            with opened(path) as file:
                return compose(*_merge(file, path, record, keep))
        except BrokenFileError:
            if not problems(path):
                raise
            set_aside(root, path)
    return compose(record)


def _merge(file: h5py.File, path: Path, new: RunRecord, keep: bool) -> tuple[RunRecord, list[h5py.Group]]:
    """Return the record to be written anew, and the pairs of `file` that stay as they are."""
    old, grid, allowance = read_record(file), read_grid(file, len(read_seeds(file))), Allowance(file)
    wanted, joined, untouched = {result.pair.name: result for result in new.pairs}, [], []
    groups = member(file, "pairs", h5py.Group)
    for name in member_names(groups, PAIRS):
        group, pair = member(groups, name, h5py.Group), pair_in(groups, name)
        if (result := wanted.pop(pair, None)) is None:
            untouched.append(group)
        elif is_newer(group):
            raise NewerFormatError(path, f"its pair {pair} is in a newer format", UPDATE)
        else:
            allowance.survey(group)
            joined.append(_joined(read_pair(new.key.prompt, old.seeds, grid, group), result, keep))
    rows = {seed: row for seed, *row in zip(old.seeds, old.images, old.latents, strict=True)}
    kept = old.known_latents
    for seed, *row in zip(new.seeds, new.images, new.latents, strict=True):
        if seed not in kept and (seed not in rows or seed in new.known_latents):
            rows[seed] = row
    images, latents = (np.stack(values) for values in zip(*rows.values(), strict=True))
    record = dataclasses.replace(
        new,
        seeds=tuple(rows),
        images=images,
        latents=latents,
        pairs=(*joined, *wanted.values()),
        provenance=old.provenance if keep else new.provenance,
    )
    return record, untouched


def _joined(old: PairResult, new: PairResult, keep: bool) -> PairResult:
    """Return both, image by image, if they were measured alike; else the new one, or with `keep` the old."""
    if old.condensed and not new.condensed:
        if _covers(new, old):
            return dataclasses.replace(new, labels=tuple(dict.fromkeys(old.labels + new.labels)))
        new = _like(old, new)
    if old.pair != new.pair or not old.measured_like(new):
        return old if keep or (new.condensed and not old.condensed) else new
    new = new.with_all_totals()
    newer, older = (old, new) if keep else (new, old)
    known = dict(zip(older.seeds, older.noises, strict=True))
    better = [seed for seed, noises in zip(newer.seeds, newer.noises, strict=True) if noises >= known.get(seed, 0)]
    return older.joined(newer.of_seeds(better))


def _covers(new: PairResult, old: PairResult) -> bool:
    """Return whether `new` has each image of `old`, with as many noises."""
    noises = dict(zip(new.seeds, new.noises, strict=True))
    return all(noises.get(seed, 0) >= count for seed, count in zip(old.seeds, old.noises, strict=True))


def _like(old: PairResult, new: PairResult) -> PairResult:
    """Return `new` condensed like `old`, if they can then stand side by side."""
    condensed = new.condense(bands=all(maps.bands for maps in old.information.values()))
    return condensed if old.measured_like(condensed) else new
