"""Run records as HDF5 files. `store/FORMAT.md` is the specification."""

from store.hdf5.bundle import read_bundle, write_bundle
from store.hdf5.condense import condense
from store.hdf5.layouts.compression import COARSEST
from store.hdf5.names import DATASETS, FILES, FORMAT_VERSION, MAPS, SOFTWARE, folders, path_of, paths
from store.hdf5.read import images, latents, pictures, provenance, read, read_totals
from store.hdf5.soundness.check import problems
from store.hdf5.soundness.repair import repair
from store.hdf5.write import check_writable, publish
from store.pid.decomposition import PER_IMAGE

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
    "pictures",
    "problems",
    "provenance",
    "publish",
    "read",
    "read_bundle",
    "read_totals",
    "repair",
    "write_bundle",
]
