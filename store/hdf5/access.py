"""Files opened with distrust: they may be damaged, newer than this software, foreign, or made to do harm.

Nothing here follows a link out of the file, allocates what a file merely claims to hold, or loads a filter. Names are
asked for one by one, so a loop of links is never walked.
"""

import hashlib
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from store.errors import BrokenFileError, NewerFormatError
from store.hdf5.names import FORMAT_VERSION

LARGEST = 2 << 30  # bytes of one array
ROOM = 1 << 18  # bytes of a stored chunk: whatever they inflate to is harmless
DENSEST = 200  # times smaller that an array larger than `SUSPECT` may be in the file
SUSPECT = 1 << 24  # bytes
UNDIGESTED = {"digest", "complete"}  # attributes that are written after the digest is taken
PLAIN = "iufS"  # kinds of numbers, and texts of a fixed length
CHECKSUM = 4  # bytes that fletcher32 adds to a chunk
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
UNREADABLE = (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, IndexError)
UPDATE = "update the software"
KNOWN = f"this software knows up to {FORMAT_VERSION}"
REPAIR = "`python -m store repair` sets it aside and keeps what can be read"


class Refused(ValueError):
    """What a file holds that no file of this format may; its text says where and what."""


class opened:
    """A complete file of a known format, open for reading; any trouble in the block comes out as a store error."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> h5py.File:
        try:
            if not stat.S_ISREG(self.path.stat().st_mode):
                raise Refused("not a regular file")
            self.file = h5py.File(self.path, "r", locking=False)
        except (OSError, Refused) as error:
            raise self._broken(error) from error
        try:
            check_complete(self.path, self.file)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self.file

    def __exit__(self, kind, error, trace) -> None:
        self.file.close()
        if isinstance(error, UNREADABLE):
            raise self._broken(error) from error

    def _broken(self, error: BaseException) -> BrokenFileError:
        reason = error if isinstance(error, Refused) else "truncated, damaged or no HDF5"
        return BrokenFileError(self.path, f"not a complete result file ({reason})", REPAIR)


def check_complete(path: Path, root: h5py.Group) -> None:
    """Raise unless `root` is marked as complete, in a version of the format that is known.

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
    """Whether a group was written in a version of the format that is not known here."""
    return group.attrs.get("version", 1) > FORMAT_VERSION


def text(group: h5py.Group, name: str) -> str:
    """An attribute that is a text."""
    value = group.attrs[name]
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, str):
        raise Refused(f"{group.name}: attribute {name} is no text")
    return value


def texts(holder: h5py.Group | h5py.Dataset, name: str) -> tuple[str, ...]:
    """An attribute that is a list of texts."""
    return tuple(each.decode() if isinstance(each, bytes) else str(each) for each in holder.attrs[name])


def names_of(dataset: h5py.Dataset, count: int) -> tuple[str, ...]:
    """The names of the `count` maps in a dataset."""
    names = texts(dataset, "names")
    if len(names) != count:
        raise Refused(f"{dataset.name} does not name its maps")
    return names


def numbers(holder: h5py.Group | h5py.Dataset, name: str, *shape: int | None) -> np.ndarray:
    """An attribute that is an array of numbers of `shape`, in which None allows any length."""
    found = np.asarray(holder.attrs[name])
    if found.dtype.kind not in PLAIN or not _fits(found.shape, shape):
        raise Refused(f"{holder.name}: attribute {name} does not fit the rest")
    return found


def members(group: h5py.Group, kind: type) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    """Names and members of a group that are groups or datasets of this very file."""
    for name in group:
        yield name, member(group, name, kind)


def member(group: h5py.Group, name: str, kind: type = h5py.Dataset):
    """What stands in `group` under `name`.

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
    """The numbers of a dataset; raises as `dataset` does, and OSError where they are damaged."""
    return dataset(group, name, *shape)[...]


def dataset(group: h5py.Group, name: str, *shape: int | None) -> h5py.Dataset:
    """A dataset of `shape`, in which None allows any length, that can be read without harm.

    Raises
    ------
    Refused: it is shaped otherwise, larger than files may be, or stored in a way that files must not be.
    """
    found = member(group, name)
    _distrust(found)
    if not _fits(found.shape, shape):
        raise Refused(f"{found.name} has the shape {found.shape}, which does not fit the rest")
    return found


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(one in (None, other) for one, other in zip(wanted, shape, strict=True))


def _distrust(dataset: h5py.Dataset) -> None:
    """Refuse arrays that would read other files, load code, or fill the memory."""
    properties = dataset.id.get_create_plist()
    filters = {properties.get_filter(index)[0] for index in range(properties.get_nfilters())}
    size, stored = dataset.size * dataset.dtype.itemsize, dataset.id.get_storage_size()
    if dataset.dtype.kind not in PLAIN:
        raise Refused(f"{dataset.name} holds no plain numbers")
    if dataset.is_virtual or properties.get_external_count():
        raise Refused(f"{dataset.name} lies in another file")
    if not filters <= FILTERS:
        raise Refused(f"{dataset.name} is packed by a filter that the format does not have")
    if size > LARGEST:
        raise Refused(f"{dataset.name} claims {size:.1e} bytes: absurd")
    if size and (stored == 0 or size > max(SUSPECT, DENSEST * stored)):
        raise Refused(f"{dataset.name} claims {size:.1e} bytes in {stored} of the file: a decompression bomb")
    if dataset.chunks:
        _distrust_chunks(dataset, filters)


def _distrust_chunks(dataset: h5py.Dataset, filters: set[int]) -> None:
    """Refuse chunks that inflate to more than they are: HDF5 would give them all the memory they want."""
    wanted = int(np.prod(dataset.chunks)) * dataset.dtype.itemsize
    if wanted > LARGEST:
        raise Refused(f"{dataset.name} has chunks of {wanted:.1e} bytes: absurd")
    for index in range(dataset.id.get_num_chunks()):
        chunk = dataset.id.get_chunk_info(index)
        if chunk.size <= ROOM or h5py.h5z.FILTER_DEFLATE not in filters:
            continue
        _, packed = dataset.id.read_direct_chunk(chunk.chunk_offset)
        try:
            inflated = zlib.decompressobj().decompress(packed, wanted + CHECKSUM + 1)
        except zlib.error:  # damaged: reading it says so
            continue
        if len(inflated) > wanted + CHECKSUM:
            raise Refused(f"{dataset.name} inflates beyond its size: a decompression bomb")


def digest(group: h5py.Group, apart: frozenset[str] = frozenset(), own: bool = False) -> str:
    """SHA-256 of what `group` holds but `apart`: names, attributes (but UNDIGESTED) and values.

    Raises as `values` does; what this software is just writing, its `own`, is not distrusted.
    """
    found = hashlib.sha256()
    _feed_attributes(found, group)
    for name in sorted(set(group) - apart):
        inside = group[name] if own else member(group, name, h5py.HLObject)
        if isinstance(inside, h5py.Group):
            _feed(found, name, digest(inside, own=own))
        else:
            _feed(found, name, inside[...] if own else values(group, name, *inside.shape))
            _feed_attributes(found, inside)
    return found.hexdigest()


def _feed_attributes(into, holder: h5py.Group | h5py.Dataset) -> None:
    for name in sorted(holder.attrs):
        if name not in UNDIGESTED:
            _feed(into, name, holder.attrs[name])


def _feed(into, name: str, value: object) -> None:
    into.update(f"{name}\0".encode())
    array = np.asarray(value)
    if array.dtype.kind in "OU":
        into.update("\0".join(map(str, array.ravel())).encode() + b"\0")
    else:
        into.update(f"{array.dtype.str}{array.shape}\0".encode() + array.tobytes())
