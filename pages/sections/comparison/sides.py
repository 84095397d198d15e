"""The two sides of a comparison: which results there are, and what is stored of one of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from pages import address
from pages.address import ALL_LEVELS, CompareView
from pages.data import pairs, results
from pages.data.decompositions import BY_BAND
from pages.data.pairs import PairMaps
from pages.figures.quantities import QUANTITIES
from pages.widgets import notices
from store.catalogue import Entry, Filter
from store.errors import StoreError
from store.pid.measures import MEASURES
from store.records import MODES
from store.studies import Study

MOST = 200  # results of one prompt


@dataclass(frozen=True)
class ResultSide:
    """One side of a comparison."""

    model: str
    revision: str  # empty where there is one alone
    guidance: float
    file: str = ""  # the digest of the file of one prompt, empty for a study
    about: str = ""  # what else tells it from others
    measure: str = ""
    mode: str = MODES[0]

    @property
    def run(self) -> str:
        """How people read, and addresses name, what was computed."""
        return " ".join(filter(None, (self.model, self.revision[:12], f"guidance {self.guidance:g}", self.about)))

    @property
    def name(self) -> str:
        """The run with measure and mode."""
        return f"{self.run}, {self.measure}, {self.mode.upper()}"

    @property
    def of_images(self) -> dict[str, Any]:
        """As tables ask for it."""
        return {"model": self.model, "revision": self.revision, "guidance": self.guidance}

    def entry(self, listing: results.Listing, wanted: Filter) -> Entry | None:
        """What is there on this side of what `wanted` means."""
        asked = replace(wanted, model=self.model, revision=self.revision, mode=self.mode, run=self.file)
        for entry in listing.page(asked, limit=MOST):
            if entry.key.guidance == self.guidance:
                return entry
        return None

    def read(self, view: CompareView, listing: results.Listing, wanted: Filter) -> PairMaps | None:
        """What is stored of it, under the measure of this side; where it cannot be read the page says so."""
        entry = self.entry(listing, wanted)
        try:
            return pairs.read(replace(view, measure=self.measure or view.measure), entry) if entry else None
        except StoreError as error:
            st.error(notices.plain(str(error)))
            return None


def of_study(listing: results.Listing, study: Study) -> dict[str, ResultSide]:
    """Return the models, revisions and guidances under which anything of `study` is there, by name."""
    there = listing.samples(Filter(study=study.name))[["model", "revision", "guidance"]].drop_duplicates()
    revisions = there.groupby("model")["revision"].nunique()
    found = [
        ResultSide(str(row.model), str(row.revision) if revisions[row.model] > 1 else "", float(row.guidance))
        for row in there.itertuples()
    ]
    return {each.run: each for each in sorted(found, key=lambda each: (each.model, each.revision, each.guidance))}


def of_prompt(listing: results.Listing, prompt: str, pair: str) -> dict[str, ResultSide]:
    """Return the files that hold `pair` of `prompt`, by name."""
    entries = {entry.run: entry for entry in listing.page(Filter(prompt=prompt, pair=pair), limit=MOST)}
    revisions: dict[str, set[str]] = {}
    for entry in entries.values():
        revisions.setdefault(entry.key.model, set()).add(entry.key.revision)
    found = []
    for entry in entries.values():
        key = entry.key
        revision = key.revision if len(revisions[key.model]) > 1 else ""
        about = "own image" if key.image else ""
        found.append(ResultSide(key.model, revision, key.guidance, file=entry.run, about=about))
    names = [each.run for each in found]
    unlike = [
        replace(each, about=f"{each.about} {each.file[:6]}".strip()) if names.count(each.run) > 1 else each
        for each in found
    ]
    return {each.run: each for each in sorted(unlike, key=lambda each: each.run)}


def settled(
    view: CompareView, there: dict[str, ResultSide], modes: Sequence[str], quantity: str
) -> tuple[CompareView, tuple[ResultSide, ResultSide]]:
    """`view` with all that it leaves open, and both sides: two runs, or one under two measures."""
    names = list(there)
    own = next((name for name in names if there[name].model == view.model), names[0])
    one = view.one if view.one in there else own
    other = view.other if view.other in there else next((name for name in names if name != one), one)
    against = view.other_measure if view.other_measure in MEASURES else view.measure
    if one == other and not view.other_measure and not view.other_mode:
        against = next(name for name in MEASURES if name != view.measure)
    mode = view.mode if view.mode in modes else modes[0]
    view = replace(
        view,
        band=ALL_LEVELS,
        threshold=0,
        one=one,
        other=other,
        other_measure=against,
        mode=mode,
        other_mode=view.other_mode if view.other_mode in modes else mode,
        quantity=view.quantity if view.quantity in BY_BAND else quantity,
    )
    first = replace(there[one], measure=view.measure, mode=mode)
    return view, (first, replace(there[other], measure=against, mode=view.other_mode))


def choices(view: CompareView, there: Sequence[str], modes: Sequence[str]) -> None:
    """What stands on either side, and the quantity that is compared."""
    one, other, measure, mode, quantity = st.columns([5, 5, 3, 3, 4], vertical_alignment="bottom")
    one.selectbox("The one", there, **address.bind_field("one", view.one, start="index", among=there))
    other.selectbox("The other", there, **address.bind_field("other", view.other, start="index", among=there))
    offered = [name for name, each in MEASURES.items() if not each.needs_surprisals]
    measure.selectbox(
        "Its measure",
        offered,
        help=f"Redundancy measure of the other. That of the one is in the sidebar: {view.measure}.",
        **address.bind_field("other_measure", view.other_measure, start="index", among=offered),
    )
    both = [(mine, theirs) for mine in modes for theirs in modes]
    mode.selectbox(
        "Modes",
        both,
        format_func=lambda pair: " and ".join(each.upper() for each in dict.fromkeys(pair)),
        help="Of the one and of the other",
        **address.bind_widget(
            "modes",
            (view.mode, view.other_mode),
            lambda pair: address.change(mode=pair[0], other_mode=pair[1]),
            "index",
            both,
        ),
    )
    quantity.selectbox(
        "Quantity",
        BY_BAND,
        format_func=lambda name: f"{QUANTITIES[name].symbol}: {QUANTITIES[name].title(('1st word', '2nd word'))}",
        **address.bind_field("quantity", view.quantity, start="index", among=BY_BAND),
    )
