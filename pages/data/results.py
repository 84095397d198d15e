"""What pages read of the store. Cached by path and time of change, so that new files appear at once."""

import json
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from threading import Thread

import pandas as pd
import streamlit as st

from pages.address import DEMO, View
from pages.figures import maps as maps_figure
from store import hdf5, settings
from store.catalogue import Catalogue, Filter
from store.errors import DiffusionPIDError
from store.records import RunRecord

THUMBNAIL = 256
MOMENT = 0.3  # s


def folder(view: View) -> Path:
    """The folder of the store that is shown."""
    return settings.DEMO_STORE if view.store == DEMO else settings.load().store


def is_writable(root: Path) -> bool:
    """Return whether jobs and notes may be written into the store `root`: never into the demo store that ships."""
    return not settings.load().read_only and root.resolve() != settings.DEMO_STORE.resolve()


def demo_exists() -> bool:
    """Whether the demo store came with this installation."""
    return any(hdf5.paths(settings.DEMO_STORE))


def _remembered(method: Callable) -> Callable:
    @wraps(method)
    def asked(self, *given, **named):
        return _answer(str(self.root), self.at, method.__name__, given, named)

    return asked


class Listing(Catalogue):
    """The catalogue at one moment: what was asked of it is remembered for as long as no file changes."""

    def __init__(self, root: Path):
        super().__init__(root)
        self.at = self.stamp()

    page, count, summary, values, broken, seeds = map(
        _remembered,
        (
            Catalogue.page,
            Catalogue.count,
            Catalogue.summary,
            Catalogue.values,
            Catalogue.broken,
            Catalogue.seeds,
        ),
    )

    def samples(self, filter: Filter | None = None) -> pd.DataFrame:
        """See `Catalogue.samples`; what it gives is shared and must not be changed."""
        return _samples(str(self.root), self.at, filter or Filter())


def prepare(root: Path) -> None:
    """Build the catalogue of a store that has none; if that takes longer than a moment, under a bar."""
    building = _building(str(root))
    building.join(MOMENT)
    if not building.is_alive():
        return
    bar = st.progress(0.0)
    while building.is_alive():
        done, total = building.progress
        bar.progress(done / total, f"Reading the store for the first time: {done:,} of {total:,} files")
        building.join(MOMENT)
    bar.empty()


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
    try:
        table = json.loads(settings.VALIDATION.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it is too deep") from error
    if not isinstance(table, dict) or not isinstance(table.get("rows"), list):
        raise ValueError("it has no rows")
    return table


class _Building(Thread):
    """The first reading of a store: it goes on where a click ends the page that waits for it, and serves all pages."""

    def __init__(self, root: str):
        super().__init__(daemon=True)
        self.root, self.progress = Path(root), (0, 1)
        self.start()

    def run(self) -> None:
        with suppress(DiffusionPIDError):  # whoever reads next says so
            for progress in Catalogue(self.root).prepare():
                self.progress = progress


@st.cache_resource(max_entries=16, show_spinner=False)
def _building(root: str) -> _Building:
    return _Building(root)


@st.cache_data(max_entries=200, show_spinner="Reading the store")
def _answer(root: str, stamp: tuple, method: str, given: tuple, named: dict):
    return getattr(Catalogue(Path(root)), method)(*given, **named)


@st.cache_resource(max_entries=8, show_spinner="Reading the study")
def _samples(root: str, stamp: tuple, filter: Filter) -> pd.DataFrame:
    return Catalogue(Path(root)).samples(filter)


@st.cache_data(max_entries=32, show_spinner="Reading the results")
def _record(path: str, modified: int, size: int, pair: str) -> RunRecord:
    return hdf5.read(Path(path), pair)


@st.cache_data(max_entries=500, show_spinner=False)
def _thumbnails(path: str, modified: int, size: int) -> list[str]:
    return [maps_figure.data_uri(image, THUMBNAIL) for image in hdf5.images(Path(path))]
