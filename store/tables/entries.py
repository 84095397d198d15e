"""Entries of the catalogue as a frame."""

from collections.abc import Iterable
from dataclasses import astuple, fields

import pandas as pd

from store import hdf5
from store.catalogue import Catalogue, Entry, Filter
from store.records import RunKey
from store.warnings import notes_in

KEY = tuple(field.name for field in fields(RunKey))
ABOUT = ("first", "second", "mode", "measure", "estimator", "noises", "seeds")


def model_notes(catalogue: Catalogue, model: str, revision: str) -> list[str]:
    """Return what is to be known of a model whose results a table is of, in sentences: whether it is distilled, say."""
    return [
        note
        for entry in catalogue.page(Filter(model=model, revision=revision), limit=1)
        for note in notes_in(entry.path)
    ]


def with_notes(frame: pd.DataFrame, catalogue: Catalogue) -> pd.DataFrame:
    """Return `frame` with a last column `notes`: what is to be known of the `model` and `revision` of each row."""
    keys = list(zip(frame["model"], frame["revision"], strict=True))
    notes = {key: " ".join(model_notes(catalogue, *key)) for key in dict.fromkeys(keys)}
    found = frame.assign(notes=pd.Series([notes[key] for key in keys], index=frame.index, dtype=object))
    found.attrs = frame.attrs
    return found


def totals(entries: Iterable[Entry]) -> pd.DataFrame:
    """Return entries as a frame, a row each: what they are about, then each quantity and its `_se`, in nats.

    Values are means over images; standard errors are those of the estimation, not of the choice of images.
    """
    quantities = list(hdf5.DATASETS.values())
    rows = [
        [*astuple(entry.key)]
        + [getattr(entry, name) for name in ABOUT]
        + [value for name in quantities for value in entry.totals[name]]
        + ["; ".join("/".join(label) for label in entry.labels), entry.created, str(entry.path)]
        for entry in entries
    ]
    values = [column for name in quantities for column in (name, f"{name}_se")]
    frame = pd.DataFrame(rows, columns=[*KEY, *ABOUT, *values, "labels", "created", "path"])
    frame.attrs = {"units": dict.fromkeys(values, "nats")}
    return frame
