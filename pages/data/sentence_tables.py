"""The tables of a study of sentences, as `store.tables` makes them, kept while no file changes."""

import numpy as np
import pandas as pd
import streamlit as st

from pages.address import View
from pages.data.results import Listing
from pages.data.sentence_study import SentenceStudy
from store.pid.decomposition import ALIGNMENT
from store.studies import Study


def senses(found: SentenceStudy, view: View) -> pd.DataFrame:
    """See `store.tables.senses`."""
    return _table("senses", found, mode=view.mode, measure=view.measure)


def against_control(found: SentenceStudy, view: View) -> pd.DataFrame:
    """See `store.tables.against_control`: by redundancy, or where `view` says so by the alignment index."""
    return _table("against_control", found, mode=view.mode, measure=view.measure, by=view.by)


def parts(found: SentenceStudy, view: View) -> pd.DataFrame:
    """See `store.tables.parts`."""
    return _table("parts", found, mode=view.mode, measure=view.measure)


def interventions(found: SentenceStudy, view: View) -> pd.DataFrame:
    """See `store.tables.interventions`."""
    return _table("interventions", found, mode=view.mode, measure=view.measure)


def effects(found: SentenceStudy, images: pd.DataFrame) -> pd.DataFrame:
    """See `store.tables.effects`, of what `interventions` gave."""
    about = {name: images.attrs[name] for name in ("model", "revision", "mode", "measure", "guidance")}
    about["without"] = found.without
    return _effects(str(found.root), found.listing.at, repr(found.study), about, images)


def _table(name: str, found: SentenceStudy, **about: object) -> pd.DataFrame:
    key = found.entries[0].key
    about = {**about, "model": key.model, "revision": key.revision, "guidance": found.guidance}
    about["without"] = found.without
    return _kept(name, str(found.root), found.listing.at, repr(found.study), about, found.listing, found.study)


@st.cache_data(max_entries=64, show_spinner="Computing the table")
def _kept(
    name: str, root: str, stamp: tuple, definition: str, about: dict, _listing: Listing, _study: Study
) -> pd.DataFrame:
    from store import tables  # scipy takes a second to import

    if name == "parts":
        return tables.parts(tables.samples_of(_listing, _study, level="pixel", **about))
    if name != "against_control":
        table = getattr(tables, name)(_listing, _study, **about)
        table.attrs |= {"failed_images": "left out"} if about["without"] else {}
        return table
    by, asked = about.pop("by"), {"measure": about.pop("measure"), "level": "pixel"}
    samples = tables.samples_of(_listing, _study, **about, **(tables.OF_ALIGNMENT if by == ALIGNMENT else asked))
    table = tables.against_control(samples, by)
    places = {(each.pair.prompt, each.subject): number for number, each in enumerate(_study.content.sentences)}
    order = [places.get((row.prompt, row.first), len(places)) for row in table.itertuples()]
    table.attrs |= {"failed_images": "left out"} if about["without"] else {}
    return table.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)


@st.cache_data(max_entries=64, show_spinner="Comparing with what changed")
def _effects(root: str, stamp: tuple, definition: str, about: dict, _images: pd.DataFrame) -> pd.DataFrame:
    from store import tables

    return tables.effects(_images)
