"""Two results of a bias study beside each other: models, revisions, guidances, measures or modes, seed by seed."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from pages import address
from pages.address import ALL_LEVELS, CompareView
from pages.data import results
from pages.figures import points
from pages.figures.quantities import factor
from pages.sections import comparison
from pages.sections.comparison import StudySide
from pages.widgets import exports, notices, take_along
from store import studies
from store.catalogue import Filter
from store.errors import DiffusionPIDError
from store.notes import key_of_view
from store.pid.measures import MEASURES
from store.records import MODES
from store.studies import Bias, Study

PAGE, PLACE = "compare", "comparison"
EXPLAINED = (
    "Each point is a row of the study: how much it leans under the one and under the other. Above the dotted line it "
    "leans more under the other. Differences are taken seed by seed; * marks those that are significant after "
    "correction (q at most 0.05). A click on a point, or the box, shows the images of the row on both sides."
)


def main() -> None:
    """The page."""
    view = address.current(CompareView)
    root = results.folder(view)
    listing = results.Listing(root)
    st.title("Compare", anchor=False)
    notices.broken(listing.broken(), root)
    known = _studies(listing)
    if not known:
        st.text("What stays the same under another model, guidance, measure or mode?")
        said = f"The store {root.absolute()} holds no bias study. This command computes one:"
        notices.nothing(view, said, f"python -m compute study gender --model {view.model} --store {root}")
        return
    study = known[view.study if view.study in known else next(iter(known))]
    there = comparison.runs(listing, study)
    view, one, other = _settled(view, study, there)
    address.show(view)
    st.text(f"{study.title}: what stays the same under another model, guidance, measure or mode?")
    _choices(view, known, list(there))
    try:
        table = comparison.table(listing, study, one, other)
    except DiffusionPIDError as error:
        st.error(notices.plain(str(error)))
        return
    from store.tables.findings.compare import sentence  # scipy takes a second to import

    said = sentence(table, view.unit, factor(view.unit))
    st.markdown(f"**{notices.plain(said)}**")
    view = _of_row(view, study, table)
    left, right = st.columns([5, 6], gap="medium")
    with left:
        drawn = [_scatter(view, table, one, other)]
    with right:
        printed = _table(view, table)
    st.caption(EXPLAINED)
    drawn += _images(view, listing, study, (one, other), table)
    about = f"{one.name} against {other.name}. {said}"
    content = {"study": study.name, "one": one.name, "other": other.name, "subject": view.subject}
    name = f"{study.title}, {one.run} and {other.run}"
    exported = exports.ExportTable("Paired differences", table, printed, [])
    take_along.draw(PAGE, view, root, key_of_view(PAGE, **content), name, about, exported, drawn)


def _studies(listing: results.Listing) -> dict[str, Study]:
    """The bias studies of which anything is there, by name."""
    names, found = studies.names(listing.root), {}
    for name in listing.values("study", Filter()):
        if name in names:
            try:
                study = studies.load(name, listing.root)
            except DiffusionPIDError:  # its own page says what is wrong
                continue
            if isinstance(study.content, Bias):
                found[name] = study
    return dict(sorted(found.items()))


def _settled(view: CompareView, study: Study, there: dict[str, StudySide]) -> tuple[CompareView, StudySide, StudySide]:
    """`view` with all that it leaves open: two runs, or one under two measures."""
    names = list(there)
    own = next((name for name in names if there[name].model == view.model), names[0])
    one = view.one if view.one in there else own
    other = view.other if view.other in there else next((name for name in names if name != one), one)
    alone = one == other and not view.other_measure
    against = view.other_measure if view.other_measure in MEASURES else view.measure
    if alone:
        against = next(name for name in MEASURES if name != view.measure)
    mode = view.mode if view.mode in MODES else MODES[0]
    other_mode = view.other_mode if view.other_mode in MODES else mode
    settled = replace(
        view,
        band=ALL_LEVELS,
        threshold=0,
        study=study.name,
        one=one,
        other=other,
        other_measure=against,
        mode=mode,
        other_mode=other_mode,
    )
    first = replace(there[one], measure=view.measure, mode=mode)
    return settled, first, replace(there[other], measure=against, mode=other_mode)


def _choices(view: CompareView, known: dict[str, Study], there: list[str]) -> None:
    """The study, and what stands on either side."""
    row = ["subject", "attribute", "seed"]
    study, one, other, measure, mode = st.columns([4, 5, 5, 3, 3], vertical_alignment="bottom")
    study.selectbox(
        "Study",
        list(known),
        format_func=lambda name: known[name].title,
        **address.bind_field("study", view.study, [*row, "one", "other"], start="index", among=list(known)),
    )
    one.selectbox("The one", there, **address.bind_field("one", view.one, start="index", among=there))
    other.selectbox("The other", there, **address.bind_field("other", view.other, start="index", among=there))
    offered = [name for name, each in MEASURES.items() if not each.needs_surprisals]
    measure.selectbox(
        "Its measure",
        offered,
        help=f"Redundancy measure of the other. That of the one is in the sidebar: {view.measure}.",
        **address.bind_field("other_measure", view.other_measure, start="index", among=offered),
    )
    modes = [(mine, theirs) for mine in MODES for theirs in MODES]
    mode.selectbox(
        "Modes",
        modes,
        format_func=lambda pair: " and ".join(each.upper() for each in dict.fromkeys(pair)),
        help="Of the one and of the other",
        **address.bind_widget(
            "modes",
            (view.mode, view.other_mode),
            lambda pair: address.change(mode=pair[0], other_mode=pair[1]),
            "index",
            modes,
        ),
    )


def _of_row(view: CompareView, study: Study, table: pd.DataFrame) -> CompareView:
    """`view` with a row whose images are shown: the one that it names, else the largest difference."""
    attributes = list(study.content.attributes)  # type: ignore[attr-defined]
    subject = view.subject if view.subject in table.index else str(table.index[0])
    leader = table.at[subject, "leads_one"]
    attribute = view.attribute if view.attribute in attributes else leader if leader in attributes else attributes[0]
    return replace(view, subject=subject, attribute=attribute, seed=view.seed or str(study.seeds[0]))


def _scatter(view: CompareView, table: pd.DataFrame, one: StudySide, other: StudySide) -> exports.ExportFigure:
    attributes = table.attrs["attributes"]
    titles = tuple(comparison.title_of(side, attributes, view.unit) for side in (one, other))
    figure = points.compared(table, (titles[0], titles[1]), view.subject, factor(view.unit))
    key = f"{PLACE} {one.name} {other.name} {view.unit} {view.subject}"
    exports.points(
        PLACE,
        figure,
        key,
        lambda point: address.change(subject=point[1], attribute=""),
        alt=f"Lean of each row of the study: {one.name} across, {other.name} up",
    )
    return exports.ExportFigure(PLACE, "One against the other", figure, table)


def _table(view: CompareView, table: pd.DataFrame) -> pd.DataFrame:
    """The paired differences as people read them."""
    scale = factor(view.unit)
    numbers = {name: (table[name] * scale).round(2) for name in ("one", "other", "difference", "low", "high")}
    printed = pd.DataFrame(
        {
            **{f"{name}, {view.unit}" if name == "difference" else name: value for name, value in numbers.items()},
            "q": table["q"].round(3),
            "": table["significant"].map({True: "*", False: ""}),
            "leads": [
                f"{row.leads_one}" if not row.flips else f"{row.leads_one} \u2192 {row.leads_other}"
                for row in table.itertuples()
            ],
            "rank by gap": [f"{row.rank_one:g} \u2192 {row.rank_other:g}" for row in table.itertuples()],
        }
    )
    exports.frame(printed.reset_index(), alt="Paired differences of each row, the largest first", height=340)
    return printed


def _images(
    view: CompareView, listing: results.Listing, study: Study, sides: tuple[StudySide, StudySide], table: pd.DataFrame
) -> list[exports.ExportFigure]:
    """One prompt on both sides, on one colour scale."""
    attributes, seeds = list(study.content.attributes), [str(seed) for seed in study.seeds]  # type: ignore[attr-defined]
    row, attribute, seed = st.columns([3, 4, 6], vertical_alignment="bottom")
    subjects = sorted(table.index)
    row.selectbox(
        "Images of",
        subjects,
        **address.bind_field("subject", view.subject, ["attribute"], start="index", among=subjects),
    )
    attribute.segmented_control(
        "Attribute",
        attributes,
        format_func=notices.plain,
        required=True,
        **address.bind_field("attribute", view.attribute, among=attributes),
    )
    seed.segmented_control("Seed", seeds, required=True, **address.bind_field("seed", view.seed, among=seeds))
    return comparison.images(view, listing, study, sides)


main()
