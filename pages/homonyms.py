"""Which meaning a model gives a homonym: a row for each sentence, with its image, its synergy and what can be told."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from pages import address
from pages.address import ALL_LEVELS, View
from pages.data import sentence_tables
from pages.data.pairs import in_band
from pages.data.selection import Missing
from pages.data.sentence_study import SentenceStudy
from pages.figures.quantities import MODE_NAMES, WITHIN_INTERVAL, factor
from pages.sections import senses, study_header
from pages.sections.senses import QUANTITY, SentenceRow
from pages.widgets import notices, sliders, take_along
from store.errors import InputError
from store.studies import Pairs

PAGE = "homonyms"
FEW = 12  # sentences that are shown together


def main() -> None:
    """The page."""
    view = address.current(address.HomonymsView)
    found = study_header.choose(view, (PAGE,), lambda each: isinstance(each.content, Pairs) and each.content.homonyms)
    if found is None:
        return
    view = study_header.settled(view, found)
    try:
        table = sentence_tables.senses(found, view)
    except InputError as error:
        st.error(notices.plain(str(error)))
        return
    words = list(dict.fromkeys(table["word"]))
    if view.word not in ("", ALL_LEVELS, *words):
        notices.missing(Missing("word", view.word, f"study {found.study.name}", tuple(words)), view)
        return
    offered = [ALL_LEVELS, *words] if len(table) <= FEW else words
    view = replace(view, word=view.word if view.word in offered else offered[0], prompt="", pair="")
    shown = table if view.word == ALL_LEVELS else table[table["word"] == view.word]
    rows = _rows(view, found, shown, table)
    if not rows:
        return
    seeds = sorted({seed for row in rows for seed in row.measured.pair.seeds})
    view = replace(view, seed=view.seed if view.seed in map(str, seeds) else str(senses.first_seed(rows, seeds)))
    address.show(view)
    view, bands = in_band(view, rows[0].measured)
    study_header.answer(senses.answer(found, table), found, view.mode)
    word, mode, seed = st.columns([5, 2, 4], vertical_alignment="bottom")
    with word:
        st.pills(
            "Word",
            offered,
            required=True,
            wrap=True,
            format_func=lambda each: "all words" if each == ALL_LEVELS else notices.plain(each),
            **address.bind_field("word", view.word, among=offered),
        )
    with mode:
        study_header.mode_choice(view, found.modes)
    with seed:
        study_header.seed_choice(view, seeds)
    sliders.draw(view, bands)
    senses.explain()
    limit = max(row.measured.limit(view, (QUANTITY,)) for row in rows) * factor(view.unit)
    drawn = [figure for number, row in enumerate(rows) for figure in senses.draw(view, row, limit, number)]
    st.caption(
        f"Synergy: {MODE_NAMES[view.mode]}, pixel level, under {rows[0].measured.pair.measure}, guidance "
        f"{found.guidance:g}. All maps have one colour scale, which ends at {limit:.3g} {view.unit} per latent pixel. "
        "Blue is below zero. \u00b1: standard error. [ ]: 95% interval over seeds. "
        f"{WITHIN_INTERVAL}"
        f"{sliders.said(view)}"
    )
    take_along.of_study(PAGE, view, found, table, drawn, shown.drop(columns="chance"))


def _rows(view: View, found: SentenceStudy, table: pd.DataFrame, everything: pd.DataFrame) -> list[SentenceRow]:
    """What can be read of the sentences of `table`, some of `everything`; what cannot is said."""
    images = everything.attrs["images"]
    rows = []
    for _, told in table.iterrows():
        measured = study_header.read_pair(
            view, found.entry(told["prompt"], f"{told['word']}+{told['context']}", view.mode)
        )
        if measured:
            nearest = images[images["prompt"] == told["prompt"]].set_index("seed")["nearest"]
            rows.append(SentenceRow(told, nearest, measured, senses.others_of(told, everything)))
    return rows


main()
