"""What reading a file may cost: size, filters and chunks of each array are looked at before any of it is decoded."""

import math
import zlib
from collections.abc import Set

import h5py

LARGEST = 2 << 30  # bytes of one array
SPARE = 64 << 20  # bytes that the arrays of any file may have together
DENSEST = 8  # times the size of a file that its arrays may have beyond that
CHUNKS = 1 << 16  # of one array
OBJECTS = 100_000  # groups and arrays of one file
DEEPEST = 6  # groups within groups
HARMLESS = 1 << 18  # bytes of a stored chunk: whatever it inflates to fits into memory
PLAIN = "iufS"  # kinds of numbers, and texts of a fixed length
CHECKSUM = 4  # bytes that fletcher32 adds to a chunk
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}


class Refused(ValueError):
    """A file holds what no file of this format may hold. The text says where and what."""


class Allowance:
    """What the arrays of one file may still cost. Every array that is to be read is first counted here, once."""

    def __init__(self, group: h5py.Group):
        size = group.file.id.get_filesize()
        self.stored, self.decoded = size, SPARE + DENSEST * size
        self._seen: set[int] = set()

    def survey(self, group: h5py.Group, apart: Set[str] = frozenset(), depth: int = 0) -> None:
        """Raise Refused unless `group`, without its members `apart`, is a tree of arrays that the file can afford."""
        if depth > DEEPEST:
            raise Refused(f"{group.name} lies deeper than any group of the format")
        for name in group:
            if name in apart:
                continue
            inside = _opened(group, name)
            address = h5py.h5o.get_info(inside).addr
            if address in self._seen:
                raise Refused(f"{_place(group, name)} is linked more than once")
            self._seen.add(address)
            if len(self._seen) > OBJECTS:
                raise Refused(f"more than {OBJECTS} groups and arrays")
            if isinstance(inside, h5py.h5g.GroupID):
                self.survey(member(group, name, h5py.Group), depth=depth + 1)
            elif isinstance(inside, h5py.h5d.DatasetID):
                check_array(inside)
                decoded = math.prod(inside.shape) * inside.dtype.itemsize
                self.spend(_place(group, name), inside.get_storage_size(), decoded)
            else:
                raise Refused(f"{_place(group, name)} is neither a group nor an array")

    def spend(self, name: str, stored: int, decoded: int) -> None:
        """Count an array of `decoded` bytes that takes `stored` bytes of the file; raise Refused beyond the limit."""
        self.stored -= stored
        self.decoded -= decoded
        if self.stored < 0:
            raise Refused(f"{name}: arrays share parts of the file")
        if self.decoded < 0:
            raise Refused(f"{name}: arrays are far larger than the file: a decompression bomb")


def member(group: h5py.Group, name: str, kind: type = h5py.Dataset):
    """Return the member of `group` called `name`, which must be of `kind`, a group or a dataset.

    Raises
    ------
    Refused: it is a link to another place or file, leads back, or is of another kind.
    """
    _opened(group, name)
    found = group[name]
    if not isinstance(found, kind):
        raise Refused(f"{_place(group, name)} is no {kind.__name__.lower()}")
    if isinstance(found, h5py.Group) and (found == group or found == group.file["/"] or found == group.parent):
        raise Refused(f"{_place(group, name)} leads back to {found.name}")
    return found


def array(group: h5py.Group, name: str) -> h5py.h5d.DatasetID:
    """Return the array called `name` in `group`, which can be read without harm, in the low-level interface of h5py.

    There small arrays, of which a file has a hundred, are opened and read more quickly. Raises Refused as `member` and
    `check_array` do.
    """
    found = _opened(group, name)
    if not isinstance(found, h5py.h5d.DatasetID):
        raise Refused(f"{_place(group, name)} is no dataset")
    check_array(found)
    return found


def name_of(stored: h5py.h5d.DatasetID) -> str:
    """Return the whole name of an array."""
    return h5py.h5i.get_name(stored).decode(errors="replace")


def check_array(stored: h5py.h5d.DatasetID) -> None:
    """Raise Refused if reading the array `stored` would open another file, load a filter or fill the memory."""
    properties, kind, shape = stored.get_create_plist(), stored.dtype, stored.shape
    filters = {properties.get_filter(index)[0] for index in range(properties.get_nfilters())}
    size, taken = math.prod(shape) * kind.itemsize, stored.get_storage_size()
    length = h5py.h5i.get_file_id(stored).get_filesize()
    if kind.kind not in PLAIN or stored.get_space().get_simple_extent_type() == h5py.h5s.NULL:
        raise Refused(f"{name_of(stored)} holds no plain numbers")
    layout = properties.get_layout()
    if layout == h5py.h5d.VIRTUAL or properties.get_external_count():
        raise Refused(f"{name_of(stored)} lies in another file")
    if not filters <= FILTERS:
        raise Refused(f"{name_of(stored)} is packed by a filter that the format does not have")
    if size > LARGEST:
        raise Refused(f"{name_of(stored)} claims {size:.1e} bytes: absurd")
    if size and (taken == 0 or taken > length or size > SPARE + DENSEST * length):
        raise Refused(f"{name_of(stored)} claims {size:.1e} bytes in {taken} of the file: a decompression bomb")
    if layout == h5py.h5d.CHUNKED:
        _check_chunks(stored, properties.get_chunk(), filters)


def _opened(group: h5py.Group, name: str) -> h5py.h5g.GroupID | h5py.h5d.DatasetID | h5py.h5t.TypeID:
    stored = name.encode()
    if group.id.links.get_info(stored).type != h5py.h5l.TYPE_HARD:
        raise Refused(f"{_place(group, name)} is a link to another place or file")
    return h5py.h5o.open(group.id, stored)


def _place(group: h5py.Group, name: str) -> str:
    return f"{group.name.rstrip('/')}/{name}"


def _check_chunks(stored: h5py.h5d.DatasetID, chunk: tuple[int, ...], filters: set[int]) -> None:
    """Raise Refused if a chunk inflates to more than its size: HDF5 allocates whatever the chunk asks for."""
    wanted = math.prod(chunk) * stored.dtype.itemsize
    if wanted > LARGEST:
        raise Refused(f"{name_of(stored)} has chunks of {wanted:.1e} bytes: absurd")
    if math.prod(-(-size // each) for size, each in zip(stored.shape, chunk, strict=True)) > CHUNKS:
        raise Refused(f"{name_of(stored)} has more than {CHUNKS} chunks")
    if h5py.h5z.FILTER_DEFLATE not in filters or stored.get_storage_size() <= HARMLESS:
        return
    large: list[tuple[int, ...]] = []
    stored.chunk_iter(lambda info: large.append(info.chunk_offset) if info.size > HARMLESS else None)
    for offset in large:
        _, packed = stored.read_direct_chunk(offset)
        try:
            inflated = zlib.decompressobj().decompress(packed, wanted + CHECKSUM + 1)
        except zlib.error:  # damaged: reading it says so
            continue
        if len(inflated) > wanted + CHECKSUM:
            raise Refused(f"{name_of(stored)} inflates beyond its size: a decompression bomb")
