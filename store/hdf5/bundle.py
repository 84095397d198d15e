"""Bundles: many runs in one file, to be sent elsewhere. Each run has the layout of a file of its own."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path

import h5py

from store.errors import InputError, NewerFormatError, StoreError
from store.files.atomic import replacing
from store.hdf5.access import UNREADABLE, attribute, cause_of, check_complete, member_names, opened
from store.hdf5.bounds import Allowance, member
from store.hdf5.header import read_key
from store.hdf5.names import FORMAT_VERSION, MAPS, PICTURED, QUARANTINE, SOFTWARE, digest_of
from store.hdf5.read import pair_groups, pair_names, read_record
from store.hdf5.soundness.check import Problem, pair_problems, root_problems
from store.hdf5.write import publish

RUNS = "runs"
MOST_RUNS = 1_000_000
AGAIN = "ask for it again where it came from"


def write_bundle(target: Path, selection: Mapping[Path, Set[str]]) -> Iterator[Path]:
    """Write the pairs named in `selection`, by file, into the bundle `target`; yields each file as it is done.

    The bundle is written aside and renamed into place.

    Raises
    ------
    InputError: `target` lies among the result files. StoreError: there is no room for it, or it cannot be written.
    BrokenFileError, NewerFormatError: a file that is selected cannot be read; nothing is left behind.
    """
    _check_target(target, {path.parents[3] for path in selection})
    needed = sum(path.stat().st_size for path in selection)
    try:
        if (free := shutil.disk_usage(target.absolute().parent).free) < needed:
            raise StoreError(target, f"{needed} bytes do not fit into the {free} that are free", "make room")
        with replacing(target) as aside, h5py.File(aside, "w", libver="v110") as file:
            file.attrs.update(format_version=FORMAT_VERSION, software=SOFTWARE)
            runs = file.create_group(RUNS)
            for path, pairs in selection.items():
                with opened(path) as source:
                    _copy(source, runs.create_group(digest_of(read_key(source))), pairs)
                yield path
            file.attrs["complete"] = True
    except OSError as error:
        raise StoreError(target, f"cannot be written ({error.strerror or error})", "choose another place") from error


def _check_target(target: Path, roots: Iterable[Path]) -> None:
    """Raise InputError if `target` would lie where a store keeps its own files."""
    for root in roots:
        if any(target.resolve().is_relative_to((root / own).resolve()) for own in (MAPS, QUARANTINE)):
            raise InputError(str(target), "it lies among the files of the store", "choose another place")


def _copy(source: h5py.File, run: h5py.Group, pairs: Set[str]) -> None:
    """Copy one file with those of its pairs alone; arrays stay packed as they are."""
    for name in source.attrs:
        run.attrs.create(name, attribute(source, name), dtype=source.attrs.get_id(name).dtype)
    for name in ("seeds", *sorted(PICTURED & set(source))):
        source.copy(name, run)
    inside = run.create_group("pairs")
    for group in pair_groups(source, pairs):
        source.copy(group, inside)


def read_bundle(root: Path, source: Path) -> Iterator[tuple[str, list[Problem]]]:
    """Publish the runs of a bundle, or of a single result file, in the store `root`.

    Yields the prompt of each run with the problems of the parts that it leaves out. What the store already has stays.

    Raises
    ------
    BrokenFileError, NewerFormatError: `source` is neither. StoreError: the store cannot be written.
    """
    with opened(source) as file:
        allowance = Allowance(file)
        if RUNS not in file:
            yield _take(root, source, file, allowance)
            return
        runs = member(file, RUNS, h5py.Group)
        for name in member_names(runs, MOST_RUNS):
            try:
                run = member(runs, name, h5py.Group)
            except UNREADABLE as error:
                yield f"{runs.name}/{name}", [Problem(cause_of(error), mend=AGAIN)]
            else:
                yield _take(root, source, run, allowance)


def _take(root: Path, source: Path, run: h5py.Group, allowance: Allowance) -> tuple[str, list[Problem]]:
    """Publish one run; return its prompt and the problems of the parts that are left out."""
    try:
        check_complete(source, run)
        wrong = list(root_problems(run, allowance)) or list(pair_problems(run, allowance))
        left_out = {problem.pair for problem in wrong}
        if "" in left_out:
            return run.name, wrong
        record = read_record(run, pair_names(run) - left_out)
    except NewerFormatError as error:
        return run.name, [Problem(error.cause, mend=error.mend)]
    except UNREADABLE as error:
        return run.name, [Problem(cause_of(error), mend=AGAIN)]
    if record.pairs:
        try:
            publish(root, record, keep=True)
        except NewerFormatError as error:
            wrong.append(Problem(error.cause, mend=error.mend))
    return record.key.prompt, wrong
