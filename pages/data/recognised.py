"""What images show, as `store.recognition` names them, kept while no file changes."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from pages.data.results import Listing, stamp
from store.recognition import Thing, known_for
from store.studies import Study


def is_known(model: str) -> bool:
    """Return whether it can be told what images of `model` show."""
    return known_for(model) is not None


def of_file(path: Path, prompt: str, model: str) -> dict[int, tuple[Thing, bool | None]]:
    """Return what the image of each seed shows, and whether that is what the prompt names; nothing if unknown."""
    return {seed: (thing, asked) for seed, thing, asked in _of_file(*stamp(path), prompt, model)}


def of_study(listing: Listing, asked: Study, model: str, revision: str, guidance: float) -> pd.DataFrame | None:
    """Return `store.tables.findings.drawn.images_of`; None where nothing can be told of images of `model`."""
    if not is_known(model):
        return None
    about = {"model": model, "revision": revision, "guidance": guidance}
    return _of_study(str(listing.root), listing.at, repr(asked), about, listing, asked)


@st.cache_data(max_entries=2000, show_spinner=False)
def _of_file(path: str, modified: int, size: int, prompt: str, model: str) -> list[tuple[int, Thing, bool | None]]:
    from store.tables.findings import drawn  # scipy takes a second to import

    references = known_for(model)
    return drawn.recognised(Path(path), prompt, references) if references else []


@st.cache_data(max_entries=32, show_spinner="Looking at the images")
def _of_study(
    root: str, at: tuple, asked: str, about: dict[str, Any], _listing: Listing, _asked: Study
) -> pd.DataFrame:
    from store.tables.findings import drawn

    model = about["model"]

    def shown(path: Path, prompt: str) -> drawn.Recognised:
        return [(seed, *told) for seed, told in of_file(path, prompt, model).items()]

    return drawn.images_of(_listing, _asked, shown, **about)
