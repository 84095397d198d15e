"""What one dataset of a file may cost: its size, filters and chunks are looked at before anything of it is decoded."""

import zlib

import h5py
import numpy as np

LARGEST = 2 << 30  # bytes of one array
SUSPECT = 1 << 24  # bytes from which on an array is compared with what the file stores of it
DENSEST = 200  # times smaller that a larger array may be in the file
HARMLESS = 1 << 18  # bytes of a stored chunk: whatever it inflates to fits into memory
PLAIN = "iufS"  # kinds of numbers, and texts of a fixed length
CHECKSUM = 4  # bytes that fletcher32 adds to a chunk
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}


class Refused(ValueError):
    """A file holds what no file of this format may hold. The text says where and what."""


def check_dataset(dataset: h5py.Dataset) -> None:
    """Raise Refused if reading `dataset` would open another file, load a filter or fill the memory."""
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
        _check_chunks(dataset, filters)


def _check_chunks(dataset: h5py.Dataset, filters: set[int]) -> None:
    """Raise Refused if a chunk inflates to more than its size: HDF5 allocates whatever the chunk asks for."""
    wanted = int(np.prod(dataset.chunks)) * dataset.dtype.itemsize
    if wanted > LARGEST:
        raise Refused(f"{dataset.name} has chunks of {wanted:.1e} bytes: absurd")
    for index in range(dataset.id.get_num_chunks()):
        chunk = dataset.id.get_chunk_info(index)
        if chunk.size <= HARMLESS or h5py.h5z.FILTER_DEFLATE not in filters:
            continue
        _, packed = dataset.id.read_direct_chunk(chunk.chunk_offset)
        try:
            inflated = zlib.decompressobj().decompress(packed, wanted + CHECKSUM + 1)
        except zlib.error:  # damaged: reading it says so
            continue
        if len(inflated) > wanted + CHECKSUM:
            raise Refused(f"{dataset.name} inflates beyond its size: a decompression bomb")
