"""The list of what the store holds: SQLite, derived from the HDF5 files, so that pages open none of them to list."""

from store.catalogue.entry import Entry, Filter, Summary, run_of
from store.catalogue.reader import Catalogue
from store.catalogue.schema import NAME, SORTS

__all__ = ["NAME", "SORTS", "Catalogue", "Entry", "Filter", "Summary", "run_of"]
