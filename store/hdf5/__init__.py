"""Run records as HDF5 files. `store/FORMAT.md` is the specification."""

from store.decomposition import PER_IMAGE
from store.hdf5.bundle import read_bundle, write_bundle
from store.hdf5.checking import problems
from store.hdf5.coding import COARSEST
from store.hdf5.condensing import condense
from store.hdf5.layout import (
    DATASETS,
    FILES,
    FORMAT_VERSION,
    MAPS,
    SOFTWARE,
    folders,
    path_of,
    paths,
)
from store.hdf5.reading import images, latents, read, read_totals
from store.hdf5.repairing import repair
from store.hdf5.writing import check_writable, publish

__all__ = [
    "COARSEST",
    "DATASETS",
    "FILES",
    "FORMAT_VERSION",
    "MAPS",
    "PER_IMAGE",
    "SOFTWARE",
    "check_writable",
    "condense",
    "folders",
    "images",
    "latents",
    "path_of",
    "paths",
    "problems",
    "publish",
    "read",
    "read_bundle",
    "read_totals",
    "repair",
    "write_bundle",
]
