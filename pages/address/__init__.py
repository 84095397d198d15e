"""The address bar holds the whole view: a link opens it elsewhere, and each page says which part of it is its own."""

from pages.address.binding import (
    bind_field,
    bind_widget,
    change,
    current,
    keep,
    last_mode_and_seed,
    remember_mode_and_seed,
    shared_query,
    show,
)
from pages.address.fields import ALL_LEVELS, BOTH_MODES, COMPARED, DEMO, FAILED, SCALES, TABLES, is_number
from pages.address.view import (
    SELECTION,
    BiasTableView,
    CompareView,
    ExplorerView,
    HomonymsView,
    InterventionView,
    OverviewView,
    SynonymsView,
    View,
)

__all__ = [
    "ALL_LEVELS",
    "BOTH_MODES",
    "COMPARED",
    "DEMO",
    "FAILED",
    "SCALES",
    "SELECTION",
    "TABLES",
    "BiasTableView",
    "CompareView",
    "ExplorerView",
    "HomonymsView",
    "InterventionView",
    "OverviewView",
    "SynonymsView",
    "View",
    "bind_field",
    "bind_widget",
    "change",
    "current",
    "is_number",
    "keep",
    "last_mode_and_seed",
    "remember_mode_and_seed",
    "shared_query",
    "show",
]
