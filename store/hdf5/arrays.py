"""Writing of files in memory, groups and arrays, so that HDF5 adds few bytes of its own."""

import io
from collections.abc import Mapping
from uuid import uuid4

import h5py
import numpy as np

IN_HEADER = 64  # attributes that a group keeps in its header: from the ninth on HDF5 would spend 2 kB on them
PACKED = {"compression": "gzip", "shuffle": True, "fletcher32": True}


def new_file(into: io.BytesIO) -> h5py.File:
    """Return an empty file; once it is closed, its bytes are in `into`."""
    creation, access = (h5py.h5p.create(kind) for kind in (h5py.h5p.FILE_CREATE, h5py.h5p.FILE_ACCESS))
    creation.set_attr_phase_change(IN_HEADER, IN_HEADER // 2)
    creation.set_obj_track_times(False)  # the same content is the same bytes
    access.set_fileobj_driver(h5py.h5fd.fileobj_driver, into)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    access.set_libver_bounds(h5py.h5f.LIBVER_V110, h5py.h5f.LIBVER_V110)
    return h5py.File(h5py.h5f.create(uuid4().hex.encode(), h5py.h5f.ACC_TRUNC, fcpl=creation, fapl=access))


def new_group(parent: h5py.Group, name: str) -> h5py.Group:
    """Return a new group in `parent`."""
    creation = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    creation.set_attr_phase_change(IN_HEADER, IN_HEADER // 2)
    creation.set_obj_track_times(False)  # the same content is the same bytes
    return h5py.Group(h5py.h5g.create(parent.id, name.encode(), gcpl=creation))


def write_array(
    group: h5py.Group, name: str, values: np.ndarray, chunks: tuple[int, ...] | None = None, level: int = 4
) -> None:
    """Write maps or images, compressed, by default in a chunk for each image."""
    chunks = chunks or (1, *values.shape[1:])
    group.create_dataset(name, data=values, chunks=chunks, compression_opts=level, **PACKED)


def write_small(group: h5py.Group, name: str, values: np.ndarray) -> None:
    """Write a few numbers, without compression."""
    packed = {"chunks": values.shape, "fletcher32": True} if values.size else {}  # nothing cannot be cut into chunks
    group.create_dataset(name, data=values, **packed)


def write_packed(holder: h5py.Group | h5py.Dataset, attributes: Mapping[str, object]) -> None:
    """Write attributes; texts get a fixed length, since the first text of variable length takes 4 kB of a file."""
    for name, value in attributes.items():
        array = np.asarray(value)
        if array.dtype.kind == "U":
            array = np.char.encode(array, "utf-8")
            kind = h5py.string_dtype("utf-8", max(1, array.dtype.itemsize))
            holder.attrs.create(name, array, dtype=kind)
        else:
            holder.attrs[name] = value
