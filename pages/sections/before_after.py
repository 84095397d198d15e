"""A prompt that loses a word: the images before and after, and the maps of the word beside those of the change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from pages.address import View
from pages.data import recognised
from pages.data.pairs import PairMaps
from pages.data.sentence_study import SentenceStudy
from pages.figures import maps as maps_figure
from pages.figures.maps import Layer, Scale, common_limit
from pages.figures.quantities import MODE_NAMES, WITHIN_ERROR, factor, rounded
from pages.widgets import exports, notices, sliders
from store.errors import InputError
from store.records import MODES
from store.studies import ORIGINAL, REMOVED, SWAPPED, Change

INFORMATION = (("redundancy", "unique_{0}", "synergy"), ("{0}", "conditional_{0}"))
MAPS = (*INFORMATION, ("attention_{0}",))  # in the groups that stand together
PREDICTORS = {
    "conditional": "CMI, given the rest",
    "information": "MI of the word",
    "unique": "U, unique",
    "redundancy": "R, redundant",
    "synergy": "S, synergy",
    "attention": "attention",
}
STRIP, DASH = "word-maps", "\u2013"
HEIGHT = 210  # pixels of a strip


@dataclass(frozen=True)
class ChangeScreen:
    """What is on screen."""

    view: View
    found: SentenceStudy
    change: Change
    original: PairMaps
    changed: Mapping[str, PairMaps]  # by what was done to the prompt
    images: pd.DataFrame  # of the whole study
    bands: Mapping[str, str]  # the choices of noise levels

    @property
    def rows(self) -> pd.DataFrame:
        """The images of the study whose prompts were changed as is chosen."""
        return self.images[self.images["change"] == self.view.change]

    def of_image(self, change: str) -> pd.Series | None:
        """The row of the image that is open, for its prompt changed so; None where its partner is not there."""
        rows = self.images[(self.images["change"] == change) & (self.images["seed"] == int(self.view.seed))]
        rows = rows[(rows["prompt"] == self.change.pair.prompt) & (rows["word"] == self.change.word)]
        return None if rows.empty else rows.iloc[0]

    @property
    def of_sentence(self) -> pd.Series:
        """Which of the rows are about the sentence that is open."""
        return (self.rows["prompt"] == self.change.pair.prompt) & (self.rows["word"] == self.change.word)


def telling(found: SentenceStudy, there: Sequence[Change], images: pd.DataFrame) -> tuple[Change, str]:
    """Return the change that is shown where nobody chose one, and the seed: the first that shows what is meant.

    Its image shows what its prompt names, that of the prompt without the word no longer does, and the word had more
    information in it than in the image in the middle of the study.
    """
    usual = images["conditional"].median()
    for change in there:
        of = images[(images["prompt"] == change.pair.prompt) & (images["word"] == change.word)]
        strong = of[(of["change"] == REMOVED) & (of["conditional"] >= usual)]
        before, after = (
            found.entry(change.pair.prompt, change.pair.name, MODES[1]),
            found.entry(change.removed, change.pair.name, MODES[0]),
        )
        if before is None or after is None:
            continue
        seeds = recognised.right(before.path, before.key.prompt, before.key.model, strong["seed"])
        gone = recognised.right(after.path, after.key.prompt, after.key.model, seeds)
        word = set(recognised.right(after.path, change.pair.prompt, after.key.model, seeds))
        known = recognised.is_known(found.root, after.key.model)
        if chosen := [seed for seed in gone if not known or seed not in word]:
            return change, str(chosen[0])
    return there[0], ""


def images(shown: ChangeScreen) -> None:
    """The image as it stands, those of the changed prompts from the same seed, and how far they differ."""
    change = shown.change
    prompts = {ORIGINAL: change.pair.prompt, REMOVED: change.removed, SWAPPED: change.swapped}
    measured = {ORIGINAL: shown.original, **shown.changed}
    *columns, last = st.columns([2, 2, 2, 4], gap="medium")
    for column, (kind, prompt) in zip(columns, prompts.items(), strict=True):
        if prompt:
            with column:
                _image(shown, kind, prompt, measured.get(kind))
    with last:
        _foretold(shown)


def _image(shown: ChangeScreen, kind: str, prompt: str, one: PairMaps | None) -> None:
    seed = shown.view.seed
    st.text(prompt)
    index = one.index(seed) if one else None
    if index is None:
        st.caption(f"No image of seed {seed} is there.")
        return
    st.image(one.thumbnails()[index], width="stretch", alt=f"Image of {prompt}, seed {seed}")
    if wrong := recognised.mark(one.entry.path, prompt, one.entry.key.model, seed):
        st.caption(notices.plain(wrong))
    told = shown.of_image(kind)
    if kind == ORIGINAL or told is None:
        st.caption("unchanged" if kind == ORIGINAL else kind)
    else:
        st.caption(f"{kind}: changed by {told['pixels']:.3f} in pixels, {told['structure']:.3f} in structure")


def _foretold(shown: ChangeScreen) -> None:
    """What was measured of the word in this image, and whether its map goes with the map of the change."""
    view, told = shown.view, shown.of_image(shown.view.change)
    if told is None:
        st.caption("There is no changed image to compare with.")
        return
    from store.tables import within  # scikit-image takes a second to import

    own, _ = shown.original.places(shown.change.word)
    places = {
        "conditional": ("cpid", f"conditional_{own}"),
        "information": ("pid", own),
        "unique": (view.mode, f"unique_{own}"),
        "redundancy": (view.mode, "redundancy"),
        "synergy": (view.mode, "synergy"),
    }
    rows = {}
    for name, label in PREDICTORS.items():
        if name in places:
            mode, quantity = places[name]
            value = shown.original.total(mode, quantity, view)
        else:
            value = f"{told[name]:.3g}" if np.isfinite(told[name]) else DASH
        rows[label] = [value, *(_correlation(told[within(name, by)]) for by in ("pixels", "structure"))]
    columns = [view.unit, "r pixels", "r structure"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    st.table(table.rename_axis(f"{shown.change.word}, {view.change}"), border="horizontal")
    st.caption(
        "Totals of this image, \u00b1 their standard error. r: correlation of the map of a quantity with the map of "
        f"the change, over pixels. {WITHIN_ERROR} Attention is a mean probability, without "
        "unit and error."
    )


def _correlation(value: float) -> str:
    return rounded(value, 2) if np.isfinite(value) else DASH


def maps(shown: ChangeScreen) -> exports.ExportFigure:
    """The maps of the word over the original image, and beside them where the image changed."""
    view, original, word = shown.view, shown.original, shown.change.word
    own, _ = original.places(word)
    index = original.index(view.seed)
    limit = original.limit(view, [each.format(own) for group in INFORMATION for each in group]) * factor(view.unit)
    told = [original.layers(view, index, [each.format(own) for each in group], limit) for group in MAPS]
    groups = [group for group in (*told, _changes(shown, index)) if group]
    layers = [layer for group in groups for layer in group]
    st.subheader(notices.plain(f"What was measured of {word}, and where the image changed"), anchor=False)
    image = original.image(index)
    figure = maps_figure.strip(layers, image, view.opacity / 100, view.threshold / 100, [*map(len, groups)], HEIGHT)
    about = f"Maps of {word} over the image of {view.prompt}, seed {view.seed}, and maps of the change"
    exports.figure(STRIP, figure, key="maps of the word", alt=about)
    st.caption(
        f"All information has one colour scale, which ends at {limit:.3g} {view.unit} per latent pixel. R, U and S are "
        f"those of {notices.plain(' and '.join(original.pair.pair.words))}: {MODE_NAMES[view.mode]}, under "
        f"{original.pair.measure}. The last two maps show where the image changed: its colours (pixels: squared "
        f"difference), and its contours and contrasts (structure: 1 \u2212 SSIM).{sliders.said(view)}"
    )
    for note in original.notes:
        st.info(notices.plain(note))
    title = f"Maps of {word}, {view.change}, seed {view.seed}"
    return exports.ExportFigure(STRIP, title, figure, maps_figure.values(layers))


def _changes(shown: ChangeScreen, index: int) -> list[Layer]:
    """Where the image of the seed differs from that of the changed prompt."""
    from store.tables.intervention import change_maps  # scikit-image takes a second to import

    other = shown.changed.get(shown.view.change)
    place = other.index(shown.view.seed) if other else None
    if place is None:
        return []
    images = shown.original.image(index)[None], other.image(place)[None]
    try:
        found = change_maps(*images, shown.original.record.latents.shape[2:])
    except InputError:  # said below, where the whole study is
        return []
    units = {"pixels": "squared", "structure": "1 \u2212 SSIM"}
    return [
        Layer(f"change of {name}", maps[0], Scale(common_limit([maps]), units[name], sequential=maps_figure.OTHER))
        for name, maps in found.items()
    ]
