"""Files opened with distrust: they may be damaged, newer than this software, foreign, or made to do harm.

Nothing here follows a link out of the file, allocates what a file merely claims to hold, or loads a filter. Members are
asked for one by one, by name, so that a loop of links is never walked.
"""

import math
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import h5py
import numpy as np

from store.errors import BrokenFileError, InputError, NewerFormatError
from store.hdf5.bounds import PLAIN, Refused, array, name_of
from store.hdf5.names import FORMAT_VERSION
from store.hdf5.rules import LARGEST, NAME, check_text

# Whatever reading of damaged or hostile content may raise, in h5py, NumPy, JSON or the core types.
UNREADABLE = (
    OSError,
    LookupError,
    ValueError,
    TypeError,
    RuntimeError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    EOFError,
    InputError,
)
TEXTS = 64  # most texts of one attribute
UPDATE = "update the software"
KNOWN = f"this software knows up to {FORMAT_VERSION}"
REPAIR = "`python -m store repair` sets it aside and keeps what can be read"
Holder: TypeAlias = h5py.Group | h5py.Dataset


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
        reason = cause_of(error, "truncated, damaged or no HDF5")
        raise BrokenFileError(path, f"not a complete result file ({reason})", REPAIR) from error


def cause_of(error: BaseException, otherwise: str = "") -> str:
    """Return what is wrong, by one of UNREADABLE: the cause if this software found it, else `otherwise`."""
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, InputError):
        return f"{error.thing}: {error.cause}"
    if isinstance(error, MemoryError):
        return "larger than the memory"
    return otherwise or f"damaged ({error})"


def check_complete(path: Path, root: h5py.Group) -> None:
    """Raise unless `root` is marked as complete, in a version of the format that this software knows.

    Raises
    ------
    NewerFormatError, Refused: with the reason.
    """
    if "format_version" not in root.attrs:
        raise Refused("foreign: no file of this software")
    version = integer(root, "format_version", 1)
    if version > FORMAT_VERSION:
        raise NewerFormatError(path, f"written in format {version}, {KNOWN}", UPDATE)
    if not flag(root, "complete"):
        raise Refused("not marked complete: its writer died, or copied it by hand")


def version_of(group: h5py.Group) -> int:
    """Return the version of the format that `group` was written in; pairs of the first two versions do not tell."""
    return integer(group, "version", 1) if "version" in group.attrs else 1


def is_newer(group: h5py.Group) -> bool:
    """Return whether later software wrote `group`, in a version of the format that this software does not know."""
    return version_of(group) > FORMAT_VERSION


def attribute(holder: Holder, name: str) -> object:
    """Return the value of an attribute. Raises KeyError, or Refused if it is neither numbers nor a few texts."""
    found = holder.attrs.get_id(name)
    kind = found.dtype.kind
    if kind == "O":
        if h5py.check_string_dtype(found.dtype) is None or np.prod(found.shape or (1,), dtype=object) > TEXTS:
            raise Refused(f"{holder.name}: attribute {name} is neither numbers nor a few texts")
    elif kind not in PLAIN + "b":
        raise Refused(f"{holder.name}: attribute {name} is neither numbers nor a few texts")
    return holder.attrs[name]


def text(holder: Holder, name: str, longest: int = NAME) -> str:
    """Return an attribute that is a text. Raises Refused if it is none, or longer than `longest`."""
    return _checked(attribute(holder, name), f"{holder.name}: attribute {name}", longest)


def texts(holder: Holder, name: str) -> tuple[str, ...]:
    """Return an attribute that is a list of texts. Raises Refused if it is none."""
    found, about = attribute(holder, name), f"{holder.name}: attribute {name}"
    if not isinstance(found, np.ndarray) or found.ndim != 1 or len(found) > TEXTS:
        raise Refused(f"{about} is no list of texts")
    return tuple(_checked(each, about, NAME) for each in found.tolist())


def _checked(value: object, about: str, longest: int) -> str:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            raise Refused(f"{about} is not UTF-8") from None
    if not isinstance(value, str):
        raise Refused(f"{about} is no text")
    if any("\udc80" <= character <= "\udcff" for character in value):  # as h5py has bytes that are not UTF-8
        raise Refused(f"{about} is not UTF-8")
    return check_text(value, about, longest)


def integer(holder: Holder, name: str, least: int = 0) -> int:
    """Return an attribute that is a whole number from `least` up. Raises Refused if it is none."""
    found = np.asarray(attribute(holder, name))
    if found.shape or found.dtype.kind not in "iu" or not least <= int(found) <= LARGEST:
        raise Refused(f"{holder.name}: attribute {name} is no whole number from {least} up")
    return int(found)


def number(holder: Holder, name: str) -> float:
    """Return an attribute that is a finite number. Raises Refused if it is none."""
    found = np.asarray(attribute(holder, name))
    if found.shape or found.dtype.kind not in "iuf" or not math.isfinite(found):
        raise Refused(f"{holder.name}: attribute {name} is no finite number")
    return float(found)


def flag(holder: Holder, name: str) -> bool:
    """Return whether an attribute is there and true. Raises Refused if it is neither true nor false."""
    if name not in holder.attrs:
        return False
    found = np.asarray(attribute(holder, name))
    if found.shape or found.dtype.kind not in "biu":
        raise Refused(f"{holder.name}: attribute {name} is neither true nor false")
    return bool(found)


def numbers(holder: Holder, name: str, kind: str, *shape: int | None) -> np.ndarray:
    """Return an attribute that is an array of numbers of `kind` and `shape`, as `dataset` has them.

    Raises Refused if it is none.
    """
    found = np.asarray(attribute(holder, name))
    if found.dtype.kind not in kind or not fits(found.shape, shape):
        raise Refused(f"{holder.name}: attribute {name} does not fit the rest")
    return found


def names_of(dataset: h5py.Dataset, count: int) -> tuple[str, ...]:
    """Return the names of the `count` maps in a dataset. Raises Refused if it names others, or one twice."""
    names = texts(dataset, "names")
    if len(names) != count or len(set(names)) != count:
        raise Refused(f"{dataset.name} does not name its maps")
    return names


def member_names(group: h5py.Group, most: int) -> list[str]:
    """Return the names of the members of `group`. Raises Refused if there are more than `most`, or one is no text."""
    if len(group) > most:
        raise Refused(f"{group.name} has {len(group)} members, more than {most}")
    return [_checked(name, f"{group.name}: the name of a member", NAME * 9) for name in group]


def values(group: h5py.Group, name: str, kind: str, *shape: int | None) -> np.ndarray:
    """Return the numbers of a dataset. Raises as `dataset` does, and OSError where the numbers are damaged."""
    stored = array(group, name)
    _check_numbers(stored, kind, shape)
    found = np.empty(stored.shape, stored.dtype)
    if found.size:
        stored.read(h5py.h5s.ALL, h5py.h5s.ALL, found)
    return found


def dataset(group: h5py.Group, name: str, kind: str, *shape: int | None) -> h5py.Dataset:
    """Return a dataset of `shape` that can be read without harm; None in `shape` allows any length from 1 up.

    `kind` lists the kinds of numbers that are allowed, as NumPy has them: f, i, u, S.

    Raises
    ------
    Refused: it has another kind or shape, is larger than files may be, or is stored in a way that files must not use.
    """
    stored = array(group, name)
    _check_numbers(stored, kind, shape)
    return h5py.Dataset(stored)


def _check_numbers(stored: h5py.h5d.DatasetID, kind: str, shape: tuple[int | None, ...]) -> None:
    if stored.dtype.kind not in kind:
        raise Refused(f"{name_of(stored)} holds {stored.dtype}, which does not fit the rest")
    if not fits(stored.shape, shape):
        raise Refused(f"{name_of(stored)} has the shape {stored.shape}, which does not fit the rest")


def fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    """Return whether `shape` is the `wanted` one, where None allows any length from 1 up."""
    pairs = zip(wanted, shape, strict=False)
    return len(shape) == len(wanted) and all(one == other if one is not None else other > 0 for one, other in pairs)
