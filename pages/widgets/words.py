"""The words of a prompt as what can be clicked: chips that choose the pair, and the matrix of all its pairs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from pages import address
from pages.address import View
from pages.data import results
from pages.figures import matrix
from pages.figures.escape import plain
from pages.figures.quantities import MODE_NAMES, QUANTITIES, factor
from pages.widgets import exports
from pages.widgets.exports import ExportFigure
from store.catalogue import Entry, Filter
from store.pid.measures import DEFAULT
from store.records import pair_name, pair_words
from store.words import fold, place_of, prompt_words

CHIPS, CHOSEN = "words of the prompt", "words chosen"
MATRIX = "matrix"
PARTS = ["redundancy", "unique_first", "unique_second", "synergy"]


def chips(view: View, pairs: list[str]) -> None:
    """The words of the prompt, and the phrases that `pairs` are about; two of them chosen are the pair."""
    named = list(dict.fromkeys(word for pair in pairs for word in pair_words(pair)))
    words = choosable(view.prompt, named)
    measured = {fold(word) for word in named}
    asked = {word.casefold() for word in pair_words(view.pair)}
    about = view.prompt, view.pair
    if CHIPS not in st.session_state or st.session_state[CHOSEN].about != about:
        st.session_state[CHOSEN] = ChosenWords(about, [word for word in words if word.casefold() in asked])
    shown = sorted(st.session_state[CHOSEN].words, key=words.index)
    if CHIPS in st.session_state and st.session_state[CHIPS] != shown:
        st.session_state[CHIPS] = shown
    st.pills(
        "Words of the prompt",
        words,
        selection_mode="multi",
        default=shown,
        wrap=True,
        format_func=lambda word: plain(word) if fold(word) in measured else f":gray[{plain(word)}]",
        help="Two chosen words are the pair. A third takes the place of the one that was chosen first. Of grey words "
        "there are no results yet.",
        key=CHIPS,
        on_change=_choose,
        args=(words,),
    )


def choosable(prompt: str, named: Sequence[str]) -> list[str]:
    """Return the words of `prompt`, and the words and phrases `named` that stand in it, in their order.

    A phrase takes the place of those of its words that are not named themselves.
    """
    places = {word: place for word in (*prompt_words(prompt), *named) if (place := place_of(prompt, word))}
    phrases = [places[word] for word in named if word in places and len(prompt_words(word)) > 1]
    known = {fold(word) for word in named}

    def alone(word: str) -> bool:
        start, stop = places[word]
        return fold(word) in known or not any(first <= start and stop <= last for first, last in phrases)

    spelled = {fold(word): word for word in places}  # in one spelling each
    return sorted(filter(alone, spelled.values()), key=lambda word: places[word])


def _choose(words: list[str]) -> None:
    """Show the pair of the two words chosen last; a single one waits for another."""
    before = st.session_state[CHOSEN]
    chosen = before.after(st.session_state[CHIPS])
    if len(chosen.words) == 2 and chosen.words != before.words:
        pair = pair_name(*sorted(chosen.words, key=words.index))
        chosen = replace(chosen, about=(before.about[0], pair))
        address.change(pair=pair, run="")
    st.session_state[CHOSEN] = chosen


@dataclass(frozen=True)
class ChosenWords:
    """The words that are chosen, in the order in which they were, and what the browser has not heard of yet."""

    about: tuple[str, str]  # prompt and pair
    words: list[str]
    dropped: tuple[str, ...] = ()  # by the last choice
    heard: tuple[str, ...] = ()  # what the browser counted as chosen at the last choice

    def after(self, picked: list[str]) -> "ChosenWords":
        """After the browser counts `picked` as chosen.

        It may do so once more, or with a word that the last choice dropped beside a new one: those it says because it
        is late.
        """
        if tuple(picked) == self.heard:
            return self
        added = [word for word in picked if word not in self.words]
        new = [word for word in added if word not in self.dropped] or added
        latest = [*(word for word in self.words if word in picked), *new][-2:]
        dropped = tuple(word for word in self.words if word not in latest)
        return ChosenWords(self.about, latest, dropped, tuple(picked))


def all_pairs(view: View, listing: results.Listing, entry: Entry) -> list[ExportFigure]:
    """R, U and S of all pairs of the prompt of `entry`; a cell opens the maps of its pair. Gives what is drawn."""
    samples = listing.samples(Filter(model=view.model, mode=view.mode, path=entry.path))
    means, measure = means_of(samples, view.prompt, view.measure)
    if len(means) < 2:
        return []
    words = sorted({*means["first"], *means["second"]}, key=lambda word: place_of(view.prompt, word))
    signed = any(QUANTITIES[name].signed(measure) for name in PARTS[:3])
    panels = matrix.panels(words, means, factor(view.unit), view.unit, signed)
    st.subheader(f"All pairs of the prompt, {MODE_NAMES[view.mode]}", anchor=False)
    first, second = pair_words(view.pair)
    figure = matrix.figure(words, panels, (first, second))
    exports.figure(
        "matrix-figure",
        figure,
        key=MATRIX,
        alt=f"Redundancy, uniqueness and synergy of all pairs of words of the prompt {view.prompt}",
        on_select=_open,
        selection_mode="points",
    )
    st.caption(
        f"Mean totals over seeds, in {view.unit}, pixel level, {measure}, on one colour scale. A click on a cell opens "
        "its maps. Empty cells were not computed."
    )
    data = exports.under(means, mode=view.mode, measure=measure, level="pixel")
    return [ExportFigure("matrix-figure", "All pairs of the prompt", figure, data)]


def means_of(samples: pd.DataFrame, prompt: str, measure: str) -> tuple[pd.DataFrame, str]:
    """The parts of each pair of the prompt, in nats, as means over images, under `measure` or else the default one."""
    measure = measure if measure in samples["measure"].values else DEFAULT
    rows = samples[(samples["measure"] == measure) & (samples["level"] == "pixel")]
    rows = rows.drop_duplicates(["first", "second", "seed"])
    means = rows.groupby(["first", "second"], as_index=False)[PARTS].mean()
    inside = [bool(place_of(prompt, row.first) and place_of(prompt, row.second)) for row in means.itertuples()]
    return means[inside], measure


def _open() -> None:
    points = st.session_state[MATRIX]["selection"]["points"]
    if points:
        address.change(pair=points[-1]["customdata"][0], run="")
