"""The catalogue of a store: SQLite, derived from the result files, so that lists open none of them."""

from store.catalogue.entry import Entry, Filter, Summary, run_of
from store.catalogue.reader import Catalogue
from store.catalogue.schema import NAME, SORTS

__all__ = ["NAME", "SORTS", "Catalogue", "Entry", "Filter", "Summary", "run_of"]
