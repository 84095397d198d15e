"""Two words beside a control word: their maps on one colour scale, their totals, and all pairs of the study."""

from collections.abc import Callable, Mapping

import pandas as pd
import streamlit as st

from pages import address
from pages.address import ALL_LEVELS, View
from pages.data import recognised, sentence_tables
from pages.data.pairs import PairMaps
from pages.data.sentence_study import SentenceStudy
from pages.figures import dots
from pages.figures import maps as maps_figure
from pages.figures.quantities import INDEX, MODE_NAMES, QUANTITIES, WITHIN_ERROR, factor, written
from pages.widgets import exports, notices, sliders
from store.pid.decomposition import ALIGNMENT

INFORMATION = ("redundancy", "{0}", "{1}", "conditional_{0}", "conditional_{1}")
MAPS = (*INFORMATION, "attention_{0}", "attention_{1}")
GROUPS = (1, 2, 2, 2)
BY = {"redundancy": "redundancy", ALIGNMENT: f"alignment index {INDEX}"}
CHART = "study"
HEIGHT = 236  # pixels of a strip


def answer(view: View, found: SentenceStudy, table: pd.DataFrame) -> str:
    """Return what a study of pairs finds: against control words, or where it has none, which parts there are."""
    from store.tables.findings import studies as words  # scipy takes a second to import

    if not table["control"].any():
        return words.of_parts(sentence_tables.parts(found, view))
    return words.of_controls(table, "redundancy" if view.by != ALIGNMENT else "alignment")


def strips(view: View, row: pd.Series, shown: Mapping[str, PairMaps]) -> list[exports.ExportFigure]:
    """The maps of the pair and of the control over the image, on one colour scale."""
    named = {heading: [each.format(*one.places(row["first"])) for each in MAPS] for heading, one in shown.items()}
    information = [each.format("first", "second") for each in INFORMATION]
    limit = max(one.limit(view, information) for one in shown.values()) * factor(view.unit)
    drawn = []
    for number, (heading, one) in enumerate(shown.items()):
        words = " and ".join(one.pair.pair.words)
        st.subheader(notices.plain(f"{heading}: {words}"), anchor=False)
        index = one.index(view.seed)
        if index is None:
            st.caption(f"Nothing was measured of them in the image of seed {view.seed}.")
            continue
        layers = one.layers(view, index, named[heading], limit)
        figure = maps_figure.strip(layers, one.image(index), view.opacity / 100, view.threshold / 100, GROUPS, HEIGHT)
        about = f"Maps of {words} over the image of {view.prompt}, seed {view.seed}"
        place = f"maps-{number}"
        exports.figure(place, figure, key=f"maps {number}", alt=about)
        title = f"{heading}: {words}, seed {view.seed}"
        drawn.append(exports.ExportFigure(place, title, figure, maps_figure.values(layers)))
        for note in one.notes:
            st.info(notices.plain(note))
    said = [f"All information has one colour scale, which ends at {limit:.3g} {view.unit} per latent pixel."]
    if all(one.pair.attention is None for one in shown.values()):
        said.append("There is no attention: it is recorded only where both words stand in the prompt.")
    elif view.band == ALL_LEVELS:
        said.append("Attention has its own scale, as it is no information.")
    one = next(iter(shown.values())).entry
    said.append(notices.plain(recognised.mark(one.path, one.key.prompt, one.key.model, view.seed)))
    st.caption(" ".join(filter(None, said)) + sliders.said(view))
    return drawn


def numbers(view: View, row: pd.Series, shown: Mapping[str, PairMaps]) -> None:
    """Totals of the pair and of the control."""
    first = row["first"]
    labels = ("R \u2002 redundant", f"{INDEX} \u2002 alignment, no unit", f"MI of '{first}'", "MI of the other word")
    labels += (f"'{first}' given the other", f"the other given '{first}'")
    columns: dict[str, list[str]] = {}
    for one in shown.values():
        parts, scale = one.parts(view.mode), factor(view.unit)
        own, other = one.places(first)
        names = ("redundancy", ALIGNMENT, own, other, f"conditional_{own}", f"conditional_{other}")
        estimates = [parts[ALIGNMENT] if name == ALIGNMENT else QUANTITIES[name].of(parts) for name in names]
        units = [1.0 if name == ALIGNMENT else scale for name in names]
        words, index = notices.plain(" + ".join(one.pair.pair.words)), one.index(view.seed)
        if index is not None:
            columns[f"{words}, seed {view.seed}"] = [
                written(each.total[index] * unit, each.total_se[index] * unit)
                for each, unit in zip(estimates, units, strict=True)
            ]
        columns[f"{words}, mean"] = [
            written(*(value * unit for value in each.mean())) for each, unit in zip(estimates, units, strict=True)
        ]
    st.subheader(f"Totals, {MODE_NAMES[view.mode]}", anchor=False)
    index = pd.Index([notices.plain(label) for label in labels], name=f"in {view.unit}, pixel level")
    st.table(pd.DataFrame(columns, index=index), border="horizontal")
    measure = next(iter(shown.values())).pair.measure
    st.caption(
        f"Redundancy under {measure}. \u00b1: standard error. {WITHIN_ERROR} Mean: over "
        f"all seeds. {INDEX} is 1 where both words move the prediction the same way, and 0 where they have nothing to "
        "do with each other. It does not depend on the measure."
    )


def study(view: View, table: pd.DataFrame, row: pd.Series, open_row: Callable[[int], None]) -> exports.ExportFigure:
    """All pairs of the study beside their controls; a point calls `open_row` with the number of its row."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("All pairs of the study", anchor=False)
        st.segmented_control(
            "Compare by",
            list(BY),
            format_func=BY.get,
            required=True,
            label_visibility="collapsed",
            **address.bind_field("by", view.by, among=list(BY)),
        )
    unit, scale = ("", 1.0) if view.by == ALIGNMENT else (view.unit, factor(view.unit))
    figure = dots.figure(table, BY[view.by], unit, scale, int(row.name))
    key = f"{CHART} {view.by} {row.name}"
    exports.points(
        CHART,
        figure,
        key,
        lambda point: open_row(point[0]),
        alt=f"{BY[view.by]} of each pair of the study and of its control word, with intervals",
    )
    compared = int(table["difference_mean"].notna().sum())
    said = ["Mean over seeds with its 95% interval. A click on a point opens its sentence."]
    if compared:
        said.append(
            f"In {int((table['difference_low'] > 0).sum())} of {compared} pairs the two words have more in common than "
            "the first has with the control word: the interval of the difference lies above zero."
        )
    st.caption(" ".join(said))
    return exports.ExportFigure(CHART, f"All pairs by {view.by}", figure, table)
