"""Study definitions: what is asked of a model, read from TOML files that anybody can write (docs/studies.md)."""

from store.studies.kinds import (
    BETWEEN,
    CONTROL,
    NEUTRAL,
    ORIGINAL,
    REMOVED,
    SWAPPED,
    Bias,
    Interventions,
    Item,
    Pairs,
    words_of,
)
from store.studies.loading import Study, load, names
from store.studies.published import Published

__all__ = [
    "BETWEEN",
    "CONTROL",
    "NEUTRAL",
    "ORIGINAL",
    "REMOVED",
    "SWAPPED",
    "Bias",
    "Interventions",
    "Item",
    "Pairs",
    "Published",
    "Study",
    "load",
    "names",
    "words_of",
]
