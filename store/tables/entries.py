"""Entries of the catalogue as a frame."""

from collections.abc import Iterable
from dataclasses import astuple, fields

import pandas as pd

from store import hdf5
from store.catalogue import Entry
from store.records import RunKey

KEY = tuple(field.name for field in fields(RunKey))
ABOUT = ("first", "second", "mode", "measure", "estimator", "noises", "seeds")


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
