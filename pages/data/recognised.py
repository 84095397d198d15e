"""What images show, as `store.recognition` names them, kept while no file changes."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from pages.address import FAILED
from pages.data.results import Listing, stamp
from store.errors import StoreError
from store.recognition import Thing, known_for, root_of
from store.recognition.stored import place
from store.studies import Study


def is_known(root: Path, model: str) -> bool:
    """Return whether it can be told what images of `model` show."""
    return known_for(model) is not None or place(root, model).exists()


def problem(root: Path, model: str) -> str:
    """Return why what was seen in images of `model` cannot be read; empty where it can, or nobody looked."""
    found = _recognition(str(root), stamp(place(root, model)), model)
    return found if isinstance(found, str) else ""


def of_file(path: Path, prompt: str, model: str) -> dict[int, tuple[Thing, bool | None]]:
    """Return what the image of each seed shows, and whether that is what the prompt names; nothing if unknown."""
    at = stamp(place(root_of(path), model))
    return {seed: (thing, asked) for seed, thing, asked in _of_file(*stamp(path), prompt, model, at)}


def right(path: Path, prompt: str, model: str, seeds: Iterable[int]) -> list[int]:
    """Return those of `seeds` whose image shows what the prompt names; all of them where nothing can be told."""
    told = of_file(path, prompt, model)
    return [seed for seed in seeds if told.get(seed, (None, None))[1] is not False]


def mark(path: Path, prompt: str, model: str, seed: str) -> str:
    """Return what the image of `seed` shows where that is not what its prompt names; else empty."""
    thing, asked = of_file(path, prompt, model).get(int(seed), (None, None)) if seed.isdigit() else (None, None)
    return f"\u2717 Not what the prompt names: this image shows {thing.label}." if thing and asked is False else ""


def of_study(listing: Listing, asked: Study, model: str, revision: str, guidance: float) -> pd.DataFrame | None:
    """Return `store.tables.findings.drawn.images_of`; None where nothing can be told of images of `model`.

    `attrs["recogniser"]` names the recogniser, if it was one.
    """
    if not is_known(listing.root, model) or problem(listing.root, model):
        return None
    about = {"model": model, "revision": revision, "guidance": guidance}
    at = stamp(place(listing.root, model))
    return _of_study(str(listing.root), listing.at, repr(asked), about, at, listing, asked)


def left_out(
    listing: Listing, asked: Study, failed: str, *, model: str, revision: str = "", guidance: float
) -> tuple[frozenset[tuple[str, int]], dict[str, Any]]:
    """Return prompt and seed of the images of a study that fail, where `failed` says to leave them out, else none.

    And what is to be said of the tables: how many of how many are `left_out`.
    """
    if failed != FAILED[1] or not is_known(listing.root, model) or problem(listing.root, model):
        return frozenset(), {}
    at = stamp(place(listing.root, model))
    about = {"model": model, "revision": revision, "guidance": guidance}
    wrong, checked = _failed(str(listing.root), listing.at, repr(asked), about, at, listing, asked)
    return wrong, {"left_out": (len(wrong), checked), "failed_images": "left out"}


def _reader(model: str) -> Callable[[Path, str], list[tuple[int, Thing, bool | None]]]:
    return lambda path, prompt: [(seed, *told) for seed, told in of_file(path, prompt, model).items()]


@st.cache_data(max_entries=32, show_spinner="Looking at the images")
def _failed(
    root: str, listed: tuple, asked: str, about: dict[str, Any], at: tuple, _listing: Listing, _asked: Study
) -> tuple[frozenset[tuple[str, int]], int]:
    from store.tables.findings import drawn

    return drawn.failed_of(_listing, _asked, _reader(about["model"]), **about)


@st.cache_resource(max_entries=16, show_spinner=False)
def _recognition(root: str, at: tuple, model: str) -> Any:
    """Return how it is told for `model`, None where it is not, or what is wrong with the file that says it."""
    from store.tables.findings.drawn import Recognition  # scipy takes a second to import

    try:
        return Recognition.of(Path(root), model)
    except StoreError as error:
        return str(error)


@st.cache_data(max_entries=2000, show_spinner=False)
def _of_file(
    path: str, modified: int, size: int, prompt: str, model: str, at: tuple
) -> list[tuple[int, Thing, bool | None]]:
    found = _recognition(str(root_of(Path(path))), at, model)
    return [] if found is None or isinstance(found, str) else found.read(Path(path), prompt)


@st.cache_data(max_entries=32, show_spinner="Looking at the images")
def _of_study(
    root: str, listed: tuple, asked: str, about: dict[str, Any], at: tuple, _listing: Listing, _asked: Study
) -> pd.DataFrame:
    from store.tables.findings import drawn

    images = drawn.images_of(_listing, _asked, _reader(about["model"]), **about)
    if identity := _recognition(root, at, about["model"]).identity:
        images.attrs["recogniser"] = identity
    return images
