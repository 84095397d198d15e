"""Files opened with distrust: they may be damaged, newer than this software, foreign, or made to do harm.

Nothing here follows a link out of the file, allocates what a file merely claims to hold, or loads a filter. Members are
asked for one by one, by name, so that a loop of links is never walked.
"""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from store.errors import BrokenFileError, NewerFormatError
from store.hdf5.bounds import PLAIN, Refused, check_dataset
from store.hdf5.names import FORMAT_VERSION

UNREADABLE = (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, IndexError)
UPDATE = "update the software"
KNOWN = f"this software knows up to {FORMAT_VERSION}"
REPAIR = "`python -m store repair` sets it aside and keeps what can be read"


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open a complete file of a known format for reading.

    Raises
    ------
    BrokenFileError: the file is not that, or reading it fails in the block. NewerFormatError: later software wrote it.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Refused("not a regular file")
        with h5py.File(path, "r", locking=False) as file:
            check_complete(path, file)
            yield file
    except UNREADABLE as error:
        reason = error if isinstance(error, Refused) else "truncated, damaged or no HDF5"
        raise BrokenFileError(path, f"not a complete result file ({reason})", REPAIR) from error


def check_complete(path: Path, root: h5py.Group) -> None:
    """Raise unless `root` is marked as complete, in a version of the format that this software knows.

    Raises
    ------
    NewerFormatError, Refused: with the reason.
    """
    version = root.attrs.get("format_version")
    if version is None:
        raise Refused("foreign: no file of this software")
    if version > FORMAT_VERSION:
        raise NewerFormatError(path, f"written in format {version}, {KNOWN}", UPDATE)
    if not root.attrs.get("complete", False):
        raise Refused("not marked complete: its writer died, or copied it by hand")


def is_newer(group: h5py.Group) -> bool:
    """Returns whether later software wrote `group`, in a version of the format that this software does not know."""
    return group.attrs.get("version", 1) > FORMAT_VERSION


def text(group: h5py.Group, name: str) -> str:
    """Returns an attribute that is a text. Raises Refused if it is none."""
    value = group.attrs[name]
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, str):
        raise Refused(f"{group.name}: attribute {name} is no text")
    return value


def texts(holder: h5py.Group | h5py.Dataset, name: str) -> tuple[str, ...]:
    """Returns an attribute that is a list of texts."""
    return tuple(each.decode() if isinstance(each, bytes) else str(each) for each in holder.attrs[name])


def names_of(dataset: h5py.Dataset, count: int) -> tuple[str, ...]:
    """Returns the names of the `count` maps in a dataset. Raises Refused if it names another number of maps."""
    names = texts(dataset, "names")
    if len(names) != count:
        raise Refused(f"{dataset.name} does not name its maps")
    return names


def numbers(holder: h5py.Group | h5py.Dataset, name: str, *shape: int | None) -> np.ndarray:
    """Returns an attribute that is an array of numbers of `shape`; None in `shape` allows any length.

    Raises Refused if it is none.
    """
    found = np.asarray(holder.attrs[name])
    if found.dtype.kind not in PLAIN or not _fits(found.shape, shape):
        raise Refused(f"{holder.name}: attribute {name} does not fit the rest")
    return found


def members(group: h5py.Group, kind: type) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    """Yields names and members of a group; raises as `member` does."""
    for name in group:
        yield name, member(group, name, kind)


def member(group: h5py.Group, name: str, kind: type = h5py.Dataset):
    """Returns the member of `group` called `name`, which must be of `kind`, a group or a dataset.

    Raises
    ------
    Refused: it is a link to another place or file, leads back, or is of another kind.
    """
    place = f"{group.name.rstrip('/')}/{name}"
    if group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
        raise Refused(f"{place} is a link to another place or file")
    found = group[name]
    if not isinstance(found, kind):
        raise Refused(f"{place} is no {kind.__name__.lower()}")
    if isinstance(found, h5py.Group) and (found == group or found == group.file["/"] or found == group.parent):
        raise Refused(f"{place} leads back to {found.name}")
    return found


def values(group: h5py.Group, name: str, *shape: int | None) -> np.ndarray:
    """Returns the numbers of a dataset. Raises as `dataset` does, and OSError where the numbers are damaged."""
    return dataset(group, name, *shape)[...]


def dataset(group: h5py.Group, name: str, *shape: int | None) -> h5py.Dataset:
    """Returns a dataset of `shape` that can be read without harm; None in `shape` allows any length.

    Raises
    ------
    Refused: it has another shape, is larger than files may be, or is stored in a way that files must not use.
    """
    found = member(group, name)
    check_dataset(found)
    if not _fits(found.shape, shape):
        raise Refused(f"{found.name} has the shape {found.shape}, which does not fit the rest")
    return found


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(one in (None, other) for one, other in zip(wanted, shape, strict=True))
