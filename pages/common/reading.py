"""What pages read of the store. Cached by path and time of change, so that new files appear at once."""

import json
from pathlib import Path

import streamlit as st

from pages.common import figures
from pages.common.state import DEMO, View
from store import hdf5, settings
from store.catalogue import Catalogue, Entry
from store.records import RunRecord

THUMBNAIL = 256


def folder(view: View) -> Path:
    """The folder of the store that is shown."""
    return settings.DEMO_STORE if view.store == DEMO else settings.load().store


def demo_exists() -> bool:
    """Whether the demo store came with this installation."""
    return any(hdf5.paths(settings.DEMO_STORE))


def contents(root: Path) -> tuple[list[Entry], list[tuple[Path, str]]]:
    """All entries of the store `root`, newest first, and the files that cannot be used, with the reason."""
    return _contents(str(root), Catalogue(root).stamp())


def record(path: Path, pair: str) -> RunRecord:
    """The record in `path`, of its pairs only the one named; raises as `store.hdf5.read` does."""
    return _record(*stamp(path), pair)


def thumbnails(path: Path) -> list[str]:
    """The images in `path` as data URIs, at most `THUMBNAIL` pixels a side; raises as `store.hdf5.read` does."""
    return _thumbnails(*stamp(path))


def stamp(path: Path) -> tuple[str, int, int]:
    """What tells this content of a file from any other: what was derived of it may be kept under that."""
    try:
        status = path.stat()
    except OSError:  # gone since it was listed: reading it says so
        return str(path), 0, 0
    return str(path), status.st_mtime_ns, status.st_size


def validation() -> dict | None:
    """The table of checks against known truth, or None where it was not made.

    Raises
    ------
    ValueError: the file is not what `python -m compute verify --json` writes.
    """
    if not settings.VALIDATION.exists():
        return None
    table = json.loads(settings.VALIDATION.read_text(encoding="utf-8"))
    if not isinstance(table, dict) or not isinstance(table.get("rows"), list):
        raise ValueError("it has no rows")
    return table


@st.cache_data(max_entries=4, show_spinner="Reading the store")
def _contents(root: str, stamp: tuple) -> tuple[list[Entry], list[tuple[Path, str]]]:
    catalogue = Catalogue(Path(root))
    return catalogue.entries(), catalogue.broken()


@st.cache_data(max_entries=32, show_spinner="Reading the results")
def _record(path: str, modified: int, size: int, pair: str) -> RunRecord:
    return hdf5.read(Path(path), pair)


@st.cache_data(max_entries=500, show_spinner=False)
def _thumbnails(path: str, modified: int, size: int) -> list[str]:
    images = hdf5.read(Path(path), pair="").images  # of the pairs none, as none has that name
    return [figures.data_uri(image, THUMBNAIL) for image in images]
