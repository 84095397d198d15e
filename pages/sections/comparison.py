"""Two results of a bias study: what can be compared, the paired table, and the images of one prompt on both sides."""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import streamlit as st

from pages.address import CompareView
from pages.data import pairs, results
from pages.data.pairs import PairMaps
from pages.figures.gallery import Panel, gallery
from pages.figures.quantities import QUANTITIES, factor
from pages.widgets import exports, notices
from store.catalogue import Filter
from store.errors import StoreError
from store.studies import Study

PLACE, SIDE = "both-images", 210


@dataclass(frozen=True)
class StudySide:
    """One side of a comparison."""

    model: str
    revision: str
    guidance: float
    measure: str = ""
    mode: str = "pid"

    @property
    def run(self) -> str:
        """How people read, and addresses name, what was computed."""
        return " ".join(filter(None, (self.model, self.revision[:12], f"guidance {self.guidance:g}")))

    @property
    def name(self) -> str:
        """The run with measure and mode."""
        return f"{self.run}, {self.measure}, {self.mode.upper()}"

    @property
    def about(self) -> dict[str, Any]:
        """As tables ask for it."""
        return {"model": self.model, "revision": self.revision, "guidance": self.guidance}


def runs(listing: results.Listing, study: Study) -> dict[str, StudySide]:
    """Return the models, revisions and guidances under which anything of `study` is there, by name."""
    there = listing.samples(Filter(study=study.name))[["model", "revision", "guidance"]].drop_duplicates()
    revisions = there.groupby("model")["revision"].nunique()
    found = [
        StudySide(str(row.model), str(row.revision) if revisions[row.model] > 1 else "", float(row.guidance))
        for row in there.itertuples()
    ]
    return {each.run: each for each in sorted(found, key=lambda each: (each.model, each.revision, each.guidance))}


def table(listing: results.Listing, study: Study, one: StudySide, other: StudySide) -> pd.DataFrame:
    """Return `store.tables.findings.compare` of both sides at the pixel level; raises as that does."""
    return _table(str(listing.root), listing.at, repr(study), one, other, listing, study)


@st.cache_data(max_entries=32, show_spinner="Computing the table")
def _table(
    root: str,
    at: tuple,
    asked: str,
    one: StudySide,
    other: StudySide,
    _listing: results.Listing,
    _study: Study,
) -> pd.DataFrame:
    from store import tables  # scipy takes a second to import
    from store.tables.findings.compare import compare

    samples = [
        tables.samples_of(_listing, _study, **each.about, measure=each.measure, mode=each.mode, level="pixel")
        for each in (one, other)
    ]
    return compare(*samples)


def images(
    view: CompareView, listing: results.Listing, study: Study, sides: tuple[StudySide, StudySide]
) -> list[exports.ExportFigure]:
    """Draw the image and the map of one prompt on both sides, on one colour scale; gives back the figure."""
    shown = [(side, read) for side in sides if (read := _read(view, listing, study, side)) is not None]
    if not shown:
        st.caption("Nothing can be read of this row.")
        return []
    quantity = QUANTITIES[view.quantity] if view.quantity in QUANTITIES else QUANTITIES["redundancy"]
    limit = max(each.limit(view, (quantity.name,)) for _, each in shown) * factor(view.unit)
    panels = []
    for side, each in shown:
        index = each.index(view.seed)
        if index is None:
            st.caption(notices.plain(f"{side.name} has no image of seed {view.seed}."))
            continue
        under = replace(view, mode=side.mode)
        layers = each.layers(under, index, (quantity.name,), limit)
        total = each.total(side.mode, quantity.name, under)
        over = f"{quantity.symbol} {total}, {side.measure}"
        panels += [Panel(side.run, each.image(index)), Panel(over, each.image(index), layers[0])]
    if not panels:
        return []
    figure = gallery(panels, len(panels), SIDE, view.opacity / 100)
    title = f"{view.attribute} {view.subject}, seed {view.seed}"
    exports.figure(PLACE, figure, key=f"{PLACE} {title}", alt=f"Image and map of {title} on both sides")
    data = pd.DataFrame(
        {"side": side.name, "total": each.total(side.mode, quantity.name, replace(view, mode=side.mode))}
        for side, each in shown
        if each.index(view.seed) is not None
    )
    return [exports.ExportFigure(PLACE, title, figure, data)]


def _read(view: CompareView, listing: results.Listing, study: Study, side: StudySide) -> PairMaps | None:
    asked = replace(view, model=side.model, measure=side.measure or view.measure)
    wanted = Filter(
        study=study.name, model=side.model, revision=side.revision, subject=view.subject, attribute=view.attribute
    )
    for entry in listing.page(replace(wanted, mode=side.mode), limit=100):
        if entry.key.guidance == side.guidance:
            try:
                return pairs.read(asked, entry)
            except StoreError as error:
                st.error(notices.plain(str(error)))
    return None


def title_of(side: StudySide, attributes: list[str], unit: str) -> str:
    """The title of an axis."""
    lean = f"more {attributes[1]}" if len(attributes) == 2 else "lean"
    return f"{lean}, {unit}: {side.name}"
