"""Whether two words bring the same: redundancy beside information and attention, and a control word beside the pair."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pandas as pd
import streamlit as st

from pages import address
from pages.address import View
from pages.data import recognised, sentence_tables
from pages.data.pairs import PairMaps, in_band
from pages.data.selection import Missing
from pages.data.sentence_study import SentenceStudy
from pages.sections import control_pairs, study_header
from pages.sections.control_pairs import BY
from pages.widgets import notices, sliders, take_along
from store.catalogue import Entry
from store.errors import InputError
from store.pid.decomposition import ALIGNMENT
from store.records import pair_words
from store.studies import Pairs

PAGE = "synonyms"
STUDIES = ("synonyms", "cohyponyms")


def main() -> None:
    """The page."""
    view = address.current(address.SynonymsView)
    found = study_header.choose(
        view, STUDIES, lambda each: isinstance(each.content, Pairs) and not each.content.homonyms
    )
    if found is None:
        return
    view = study_header.settled(view, found)
    view = replace(view, by=view.by if view.by in BY else ALIGNMENT, word="")
    try:
        table = sentence_tables.against_control(found, view)
    except InputError as error:
        st.error(notices.plain(str(error)))
        return
    row = _sentence(view, found, table)
    if row is None:
        there = tuple(dict.fromkeys(table["prompt"]))
        notices.missing(Missing("prompt", view.prompt, f"study {found.study.name}", there), view)
        return
    view = replace(view, prompt=row["prompt"], pair=f"{row['first']}+{row['second']}")
    pair = study_header.read_pair(view, found.entry(view.prompt, view.pair, view.mode))
    if pair is None:
        return
    control = study_header.read_pair(view, found.entry(view.prompt, f"{row['first']}+{row['control']}", view.mode))
    if pair.index(view.seed) is None:
        view = replace(view, seed=str(next(iter(_right(pair.entry, pair.pair.seeds)), pair.pair.seeds[0])))
    address.show(view)
    view, bands = in_band(view, pair)
    study_header.answer(control_pairs.answer(view, found, table), found, view.mode)
    keys = [(each.prompt, f"{each.first}+{each.second}") for each in table.itertuples()]
    _choices(view, found, keys, pair, bands)
    shown = {"The two words": pair} | ({"With the control word": control} if control else {})
    strips = control_pairs.strips(view, row, shown)
    left, right = st.columns([7, 5], gap="large")
    with left:
        control_pairs.numbers(view, row, shown)
    with right:
        chart = control_pairs.study(view, table, row, lambda number: _open(keys[number]))
    take_along.of_study(PAGE, view, found, table, [*strips, chart], table.drop(columns="seeds"))


def _sentence(view: View, found: SentenceStudy, table: pd.DataFrame) -> pd.Series | None:
    """The row that `view` names, None where that is not there; else the first with an image that shows its prompt."""
    if not view.prompt and not view.pair:
        entries = (
            found.entry(row["prompt"], f"{row['first']}+{row['second']}", view.mode) for _, row in table.iterrows()
        )
        right = [bool(entry and _right(entry, range(entry.seeds))) for entry in entries]
        return table.iloc[right.index(True) if True in right else 0]
    words = {word.casefold() for word in pair_words(view.pair)}
    for _, row in table.iterrows():
        named = {row["first"].casefold(), row["second"].casefold()} == words or not view.pair
        if not view.prompt or (row["prompt"] == view.prompt and named):
            return row
    return None


def _right(entry: Entry, seeds: Iterable[int]) -> list[int]:
    return recognised.right(entry.path, entry.key.prompt, entry.key.model, seeds)


def _choices(
    view: View, found: SentenceStudy, keys: list[tuple[str, str]], pair: PairMaps, bands: Mapping[str, str]
) -> None:
    sentence, mode, seed = st.columns([5, 2, 4], vertical_alignment="bottom")
    sentence.selectbox(
        "Sentence",
        keys,
        format_func=lambda key: f"{key[0]}: {', '.join(pair_words(key[1]))}",
        **address.bind_widget("sentence", (view.prompt, view.pair), _open, "index", keys),
    )
    with mode:
        study_header.mode_choice(view, found.modes)
    with seed:
        study_header.seed_choice(view, pair.pair.seeds)
    sliders.draw(view, bands)


def _open(key: tuple[str, str]) -> None:
    prompt, pair = key
    address.change(prompt=prompt, pair=pair)


main()
