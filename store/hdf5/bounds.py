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
            inside = member(group, name, h5py.HLObject)
            address = h5py.h5o.get_info(inside.id).addr
            if address in self._seen:
                raise Refused(f"{inside.name} is linked more than once")
            self._seen.add(address)
            if len(self._seen) > OBJECTS:
                raise Refused(f"more than {OBJECTS} groups and arrays")
            if isinstance(inside, h5py.Group):
                self.survey(inside, depth=depth + 1)
            elif isinstance(inside, h5py.Dataset):
                check_dataset(inside)
                decoded = math.prod(inside.id.shape) * inside.id.dtype.itemsize
                self.spend(inside.name, inside.id.get_storage_size(), decoded)
            else:
                raise Refused(f"{inside.name} is neither a group nor an array")

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
    place = f"{group.name.rstrip('/')}/{name}"
    if group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
        raise Refused(f"{place} is a link to another place or file")
    found = group[name]
    if not isinstance(found, kind):
        raise Refused(f"{place} is no {kind.__name__.lower()}")
    if isinstance(found, h5py.Group) and (found == group or found == group.file["/"] or found == group.parent):
        raise Refused(f"{place} leads back to {found.name}")
    return found


def check_dataset(dataset: h5py.Dataset) -> None:
    """Raise Refused if reading `dataset` would open another file, load a filter or fill the memory."""
    stored_as = dataset.id  # its own properties are several times quicker to ask than those of `dataset`
    properties, kind, shape = stored_as.get_create_plist(), stored_as.dtype, stored_as.shape
    filters = {properties.get_filter(index)[0] for index in range(properties.get_nfilters())}
    size, stored, length = math.prod(shape) * kind.itemsize, stored_as.get_storage_size(), _length(dataset)
    if kind.kind not in PLAIN or stored_as.get_space().get_simple_extent_type() == h5py.h5s.NULL:
        raise Refused(f"{dataset.name} holds no plain numbers")
    layout = properties.get_layout()
    if layout == h5py.h5d.VIRTUAL or properties.get_external_count():
        raise Refused(f"{dataset.name} lies in another file")
    if not filters <= FILTERS:
        raise Refused(f"{dataset.name} is packed by a filter that the format does not have")
    if size > LARGEST:
        raise Refused(f"{dataset.name} claims {size:.1e} bytes: absurd")
    if size and (stored == 0 or stored > length or size > SPARE + DENSEST * length):
        raise Refused(f"{dataset.name} claims {size:.1e} bytes in {stored} of the file: a decompression bomb")
    if layout == h5py.h5d.CHUNKED:
        _check_chunks(dataset, properties.get_chunk(), filters)


def _length(dataset: h5py.Dataset) -> int:
    """Return the bytes of the file that `dataset` lies in."""
    return h5py.h5i.get_file_id(dataset.id).get_filesize()


def _check_chunks(dataset: h5py.Dataset, chunk: tuple[int, ...], filters: set[int]) -> None:
    """Raise Refused if a chunk inflates to more than its size: HDF5 allocates whatever the chunk asks for."""
    wanted = math.prod(chunk) * dataset.id.dtype.itemsize
    if wanted > LARGEST:
        raise Refused(f"{dataset.name} has chunks of {wanted:.1e} bytes: absurd")
    if math.prod(-(-size // each) for size, each in zip(dataset.id.shape, chunk, strict=True)) > CHUNKS:
        raise Refused(f"{dataset.name} has more than {CHUNKS} chunks")
    if h5py.h5z.FILTER_DEFLATE not in filters or dataset.id.get_storage_size() <= HARMLESS:
        return
    large: list[tuple[int, ...]] = []
    dataset.id.chunk_iter(lambda info: large.append(info.chunk_offset) if info.size > HARMLESS else None)
    for offset in large:
        _, packed = dataset.id.read_direct_chunk(offset)
        try:
            inflated = zlib.decompressobj().decompress(packed, wanted + CHECKSUM + 1)
        except zlib.error:  # damaged: reading it says so
            continue
        if len(inflated) > wanted + CHECKSUM:
            raise Refused(f"{dataset.name} inflates beyond its size: a decompression bomb")
