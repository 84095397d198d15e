"""Two results of a study beside each other: of a bias study row by row, of others sentence by sentence."""

from dataclasses import replace

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages import address
from pages.address import CompareView
from pages.data import results
from pages.figures.quantities import QUANTITIES
from pages.sections.comparison import differences, images, sides
from pages.sections.comparison.sides import ResultSide
from pages.widgets import exports, notices, take_along
from store import studies
from store.catalogue import Filter
from store.errors import DiffusionPIDError
from store.notes import key_of_view
from store.records import MODES, pair_name
from store.studies import Bias, Interventions, Pairs, Study

PAGE = "compare"


def draw(view: CompareView, listing: results.Listing, place: DeltaGenerator) -> None:
    """Draw the study that `view` names, or the first of which anything is there; the choice of it in `place`."""
    known = _studies(listing)
    if not known:
        said = f"The store {listing.root.absolute()} holds no study. This command computes one:"
        notices.nothing(view, said, f"python -m compute study gender --model {view.model} --store {listing.root}")
        return
    study = known[view.study if view.study in known else next(iter(known))]
    there = sides.of_study(listing, study)
    modes = [mode for mode in MODES if listing.count(Filter(study=study.name, mode=mode))]
    view, both = sides.settled(replace(view, study=study.name), there, modes, _usual(study))
    address.show(view)
    place.selectbox(
        "Study",
        list(known),
        format_func=lambda name: known[name].title,
        **address.bind_field(
            "study",
            view.study,
            ["subject", "attribute", "seed", "one", "other", "quantity", "mode", "other_mode"],
            start="index",
            among=list(known),
        ),
    )
    sides.choices(view, list(there), modes)
    try:
        table = _table_of(listing, study, both, view.quantity)
    except DiffusionPIDError as error:
        st.error(notices.plain(str(error)))
        return
    said = differences.answer(view, table, "rows" if isinstance(study.content, Bias) else "sentences")
    view = _of_row(view, study, table)
    drawn, printed = differences.draw(
        view, table, both, view.subject, lambda row: address.change(subject=row, attribute=""), _explained(study, table)
    )
    figures = [drawn, *_images(view, listing, study, both, table)]
    about = f"{both[0].name} against {both[1].name}. {said}"
    content = {"study": study.name, "one": both[0].name, "other": both[1].name, "subject": view.subject}
    name = f"{study.title}, {both[0].run} and {both[1].run}"
    exported = exports.ExportTable("Paired differences", table, printed, [])
    take_along.draw(PAGE, view, listing.root, key_of_view(PAGE, **content), name, about, exported, figures)


def _studies(listing: results.Listing) -> dict[str, Study]:
    """The studies of which anything is there, by name; bias studies before others."""
    names, found = studies.names(listing.root), {}
    for name in listing.values("study", Filter()):
        if name in names:
            try:
                found[name] = studies.load(name, listing.root)
            except DiffusionPIDError:  # its own page says what is wrong
                continue
    return dict(sorted(found.items(), key=lambda each: (not isinstance(each[1].content, Bias), each[0])))


def _usual(study: Study) -> str:
    """The quantity that a study is about."""
    content = study.content
    if isinstance(content, Pairs):
        if content.homonyms:
            return "synergy"
        return "redundancy" if any(each.control for each in content.sentences) else "unique_first"
    return "both" if isinstance(content, Interventions) else "redundancy"


def _explained(study: Study, table: pd.DataFrame) -> str:
    if table.attrs.get("controlled"):
        return "Of each pair, what its first word has in common with a control word in the same images is taken off."
    return "Images of changed prompts are left out." if isinstance(study.content, Interventions) else ""


def _of_row(view: CompareView, study: Study, table: pd.DataFrame) -> CompareView:
    """`view` with a row whose images are shown: the one that it names, else the largest difference."""
    subject = view.subject if view.subject in table.index else str(table.index[0])
    seed, attribute = view.seed or str(study.seeds[0]), ""
    if isinstance(study.content, Bias):
        attributes, leader = list(study.content.attributes), table.at[subject, "leads_one"]
        usual = leader if leader in attributes else attributes[0]
        attribute = view.attribute if view.attribute in attributes else usual
    return replace(view, subject=subject, attribute=attribute, seed=seed)


def _images(
    view: CompareView, listing: results.Listing, study: Study, both: tuple[ResultSide, ResultSide], table: pd.DataFrame
) -> list[exports.ExportFigure]:
    """One prompt on both sides."""
    seeds, rows = [str(seed) for seed in study.seeds], sorted(table.index)
    row, attribute, seed = st.columns([4, 3, 6], vertical_alignment="bottom")
    row.selectbox(
        "Images of", rows, **address.bind_field("subject", view.subject, ["attribute"], start="index", among=rows)
    )
    wanted, title = Filter(study=study.name), view.subject
    if isinstance(study.content, Bias):
        attributes = list(study.content.attributes)
        attribute.segmented_control(
            "Attribute",
            attributes,
            format_func=notices.plain,
            required=True,
            **address.bind_field("attribute", view.attribute, among=attributes),
        )
        wanted = replace(wanted, subject=view.subject, attribute=view.attribute)
        title = f"{view.attribute} {view.subject}"
    else:
        prompt, first, second = table.attrs["pairs"][view.subject]
        wanted = replace(wanted, prompt=prompt, pair=pair_name(first, second))
    seed.segmented_control("Seed", seeds, required=True, **address.bind_field("seed", view.seed, among=seeds))
    return images.draw(view, listing, wanted, both, title)


def _table_of(
    listing: results.Listing, study: Study, both: tuple[ResultSide, ResultSide], quantity: str
) -> pd.DataFrame:
    return _kept(str(listing.root), listing.at, repr(study), both, quantity, listing, study)


@st.cache_data(max_entries=32, show_spinner="Computing the table")
def _kept(
    root: str,
    at: tuple,
    asked: str,
    both: tuple[ResultSide, ResultSide],
    quantity: str,
    _listing: results.Listing,
    _study: Study,
) -> pd.DataFrame:
    from store import tables  # scipy takes a second to import
    from store.tables.findings.compare import compare, compare_sentences

    one, other = (
        tables.samples_of(_listing, _study, **each.of_images, measure=each.measure, mode=each.mode, level="pixel")
        for each in both
    )
    made = compare if isinstance(_study.content, Bias) else compare_sentences
    return made(one, other, QUANTITIES[quantity].column)
