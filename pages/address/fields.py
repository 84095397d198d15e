"""What a query parameter may be. An address is a stranger's text: whatever it may not be falls back to the default."""

import re
from collections.abc import Callable, Collection
from dataclasses import field
from typing import Any

DEMO = "demo"  # the store that ships
ALL_LEVELS = "all"  # of noise
BOTH_MODES = ("one", "both")  # the mode chosen alone, or PID next to CPID
# Of a bias study: by attribute, of images without any, over guidances, under other measures and seeds.
TABLES = ("attributes", "neutral", "guidance", "robustness")
COMPARED = ("study", "prompt")  # of what two results are compared
FAILED = ("keep", "leave")  # images that do not show what their prompt asks for
SCALES = ("normalised", "information")  # of a table: from 0 to 1 over all of it, or the information itself
REGION = re.compile(r"[0-9]{1,5}(,[0-9]{1,5}){3}")
DIGITS = 9  # of a number that somebody may have meant
READ = "read"

Reader = Callable[[str], Any]  # of the text of a parameter; None where it may not be


def is_number(text: str) -> bool:
    """Return whether an address names a natural number by `text`."""
    return text.isascii() and text.isdigit() and len(text) <= DIGITS


def _field(default: object, read: Reader) -> Any:
    return field(default=default, metadata={READ: read})


def text(default: str = "") -> Any:
    """Declare a field that may be any text."""
    return _field(default, lambda value: value)


def choice(default: str, allowed: Collection[str]) -> Any:
    """Declare a field that is one of `allowed`."""
    return _field(default, lambda value: value if value in allowed else None)


def number(default: str = "") -> Any:
    """Declare a field that is a natural number, as text."""
    return _field(default, lambda value: value if is_number(value) else None)


def percent(default: int) -> Any:
    """Declare a field that is a whole number from 0 to 100."""
    return _field(default, lambda value: min(100, int(value)) if is_number(value) else None)


def rectangle() -> Any:
    """Declare a field that names a rectangle of an image by left,top,right,bottom in its pixels."""
    return _field("", lambda value: value if REGION.fullmatch(value) else None)
