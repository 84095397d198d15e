"""The digest of a group: it changes with any name, attribute or value in the group."""

import hashlib

import h5py
import numpy as np

from store.hdf5.access import attribute, values
from store.hdf5.bounds import PLAIN, member

UNDIGESTED = {"digest", "complete"}  # attributes that are written after the digest is taken


def digest(group: h5py.Group, apart: frozenset[str] = frozenset(), own: bool = False) -> str:
    """Return the SHA-256, in hexadecimal, of what `group` holds except the members `apart`.

    With `own`, the group is one that this software is writing, and is not checked. Others must have been surveyed, see
    `bounds.Allowance`. Raises as `values` does.
    """
    found = hashlib.sha256()
    _feed_attributes(found, group)
    for name in sorted(set(group) - apart):
        inside = group[name] if own else member(group, name, h5py.HLObject)
        if isinstance(inside, h5py.Group):
            _feed(found, name, digest(inside, own=own))
        else:
            _feed(found, name, inside[...] if own else values(group, name, PLAIN, *inside.shape))
            _feed_attributes(found, inside)
    return found.hexdigest()


def _feed_attributes(into, holder: h5py.Group | h5py.Dataset) -> None:
    for name in sorted(holder.attrs):
        if name not in UNDIGESTED:
            _feed(into, name, attribute(holder, name))


def _feed(into, name: str, value: object) -> None:
    into.update(f"{name}\0".encode())
    array = np.asarray(value)
    if array.dtype.kind in "OU":
        into.update("\0".join(map(str, array.ravel())).encode() + b"\0")
    else:
        into.update(f"{array.dtype.str}{array.shape}\0".encode() + array.tobytes())
