"""Study definitions: what is asked of a model, read from TOML files that anybody can write (docs/studies.md)."""

from store.study.kinds import (
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
from store.study.loading import Study, load, names
from store.study.published import Published

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
