"""The repair of a store: broken files are set aside whole, and what can be read of them takes their place."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from store.errors import BrokenFileError, NewerFormatError, StoreError
from store.files.atomic import sweep
from store.hdf5.access import UNREADABLE, dataset, opened
from store.hdf5.bounds import Allowance, Refused
from store.hdf5.compose import compose
from store.hdf5.header import read_key, read_provenance, read_seeds
from store.hdf5.names import folders, path_of, paths
from store.hdf5.read import images_dataset, pair_groups, pair_names, read_grid, read_images, read_latents, read_pair
from store.hdf5.soundness.check import Problem, pair_problems, problems, root_problems
from store.hdf5.soundness.quarantine import set_aside
from store.hdf5.write import publish, store_lock, write_whole
from store.records import RunRecord


@dataclass(frozen=True)
class Repair:
    """What became of one broken file: `aside` is its place now, `kept` names its pairs that are still in the store."""

    path: Path
    problems: list[Problem]
    aside: Path | None  # None: left as it is, for later software to judge
    kept: tuple[str, ...] = ()


def repair(root: Path) -> Iterator[Repair]:
    """Set every broken file of the store aside, in `quarantine`, and keep what can be read of it.

    Yields what became of each file with problems. Sound files, and files of later software, stay as they are.

    Raises
    ------
    StoreError: there is no room; what was there stays as it was.
    """
    with store_lock(root):
        for folder in folders(root):
            sweep(folder)
    for path in sorted(paths(root)):
        if problems(path):
            with store_lock(root):
                found = problems(path)  # again, now that nobody writes
                done = _repair(root, path, found) if found else None
            if done:
                yield done


def _repair(root: Path, path: Path, found: list[Problem]) -> Repair:
    if all(problem.newer for problem in found):
        return Repair(path, found, None)
    try:
        with opened(path) as file:
            record, newer = _readable(file)
            home = path_of(root, record.key)
            if home != path and any(root_problems(file, Allowance(file))):
                raise Refused("its key cannot be trusted")
            content = compose(record, pair_groups(file, newer))
    except (BrokenFileError, NewerFormatError):
        return Repair(path, found, set_aside(root, path))
    kept = (*_names(record), *sorted(newer))
    if home != path:
        publish(root, record, keep=True)
        return Repair(path, found, set_aside(root, path), _names(record))
    if not kept:
        return Repair(path, found, set_aside(root, path))
    try:
        aside = set_aside(root, path, copy=True)
        write_whole(path, content)
    except OSError as error:
        raise StoreError(
            path, f"cannot be repaired ({error.strerror or error})", "make room; it is as it was"
        ) from error
    return Repair(path, found, aside, kept)


def _names(record: RunRecord) -> tuple[str, ...]:
    return tuple(result.pair.name for result in record.pairs)


def _readable(file: h5py.File) -> tuple[RunRecord, set[str]]:
    """Return the record of what can be read of a file, and the names of pairs that later software wrote."""
    broken = {problem.pair: problem for problem in pair_problems(file, Allowance(file))}
    if "" in broken:
        raise Refused(broken[""].cause)
    key, seeds = read_key(file), read_seeds(file)
    rows = _rows(file, len(seeds))
    whole = [index for index in range(len(seeds)) if all(index in found for found in rows)]
    if not whole:
        raise Refused("no image can be read")
    images, latents = (np.stack([found[index] for index in whole]) for found in rows)
    grid, sound = read_grid(file, len(seeds)), pair_names(file) - broken.keys()
    kept = [read_pair(key.prompt, seeds, grid, group) for group in pair_groups(file, sound)]
    trusted = {seeds[index] for index in whole}
    pairs = [result.of_seeds([seed for seed in result.seeds if seed in trusted]) for result in kept]
    record = RunRecord(
        key=key,
        seeds=tuple(seeds[index] for index in whole),
        images=images,
        latents=latents,
        pairs=tuple(result for result in pairs if result.seeds),
        provenance=read_provenance(file),
    )
    return record, {name for name, problem in broken.items() if problem.newer}


def _rows(file: h5py.File, count: int) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Return those of `count` images and latents that can be read, by place."""
    if "pictures" in file:
        return dict(enumerate(read_images(file, count))), dict(enumerate(read_latents(file, count)))
    latents = dataset(file, "latents", "f", count, None, None, None)
    return _readable_rows(images_dataset(file, count)), _readable_rows(latents)


def _readable_rows(stored: h5py.Dataset) -> dict[int, np.ndarray]:
    found = {}
    for index in range(len(stored)):
        try:
            found[index] = stored[index]
        except UNREADABLE:
            continue
    return found
