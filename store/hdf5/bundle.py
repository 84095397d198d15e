"""Bundles: many runs in one file, to be sent elsewhere. Each run has the layout of a file of its own."""

import shutil
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

import h5py

from store.errors import NewerFormatError, StoreError
from store.files.atomic import replacing
from store.hdf5.access import UNREADABLE, check_complete, member, members, opened
from store.hdf5.bounds import Refused
from store.hdf5.names import FORMAT_VERSION, PICTURED, SOFTWARE, digest_of, group_name
from store.hdf5.read import pair_names, read_key, read_record
from store.hdf5.soundness.check import Problem, pair_problems, root_problems
from store.hdf5.write import publish

RUNS = "runs"


def write_bundle(target: Path, selection: Mapping[Path, Set[str]]) -> Iterator[Path]:
    """Write the pairs named in `selection`, by file, into the bundle `target`; yields each file as it is done.

    The bundle is written aside and renamed into place.

    Raises
    ------
    BrokenFileError, NewerFormatError: a file that is selected cannot be read; nothing is left behind.
    StoreError: there is no room for the bundle, or it cannot be written.
    """
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


def _copy(source: h5py.File, run: h5py.Group, pairs: Set[str]) -> None:
    """Copy one file with those of its pairs alone; arrays stay packed as they are."""
    run.attrs.update(source.attrs)
    for name in ("seeds", *sorted(PICTURED & set(source))):
        source.copy(name, run)
    inside = run.create_group("pairs")
    for pair in sorted(pairs):
        source.copy(f"pairs/{group_name(pair)}", inside)


def read_bundle(root: Path, source: Path) -> Iterator[tuple[str, list[Problem]]]:
    """Publish the runs of a bundle, or of a single result file, in the store `root`.

    Yields the prompt of each run with the problems of the parts that it leaves out. What the store already has stays.

    Raises
    ------
    BrokenFileError, NewerFormatError: `source` is neither. StoreError: the store cannot be written.
    """
    with opened(source) as file:
        runs = member(file, RUNS, h5py.Group) if RUNS in file else None
        for run in [file] if runs is None else [group for _, group in members(runs, h5py.Group)]:
            yield _take(root, source, run)


def _take(root: Path, source: Path, run: h5py.Group) -> tuple[str, list[Problem]]:
    try:
        check_complete(source, run)
        wrong = list(root_problems(run)) or list(pair_problems(run))
        left_out = {problem.pair for problem in wrong}
        if "" in left_out:
            return run.name, wrong
        record = read_record(run, pair_names(run) - left_out)
    except (Refused, NewerFormatError, *UNREADABLE) as error:
        return run.name, [Problem(str(error), mend="ask for it again where it came from")]
    if record.pairs:
        publish(root, record, keep=True)
    return record.key.prompt, wrong
