"""A sentence with a homonym as a row: its image, its synergy over it, the numbers, what can be told of its meaning."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from pages.address import View
from pages.data import glossary
from pages.data.pairs import PairMaps
from pages.figures import maps as maps_figure
from pages.figures.quantities import factor, ranged, written
from pages.sections import study_header
from pages.widgets import exports, notices

QUANTITY = "synergy"
HEIGHT = 190  # pixels of an overlay with its colour bar
THUMBNAIL = 52
BADGES = {  # verdict -> colour, icon
    "taken": ("green", ":material/check:"),
    "in part": ("orange", ":material/contrast:"),
    "not taken": ("red", ":material/close:"),
    "cannot be told": ("gray", ":material/question_mark:"),
}


@dataclass(frozen=True)
class SentenceRow:
    """A sentence: its row of `store.tables.senses`, which sense's images each image is nearest to, what is stored."""

    told: pd.Series
    nearest: pd.Series  # by seed
    measured: PairMaps


def explain() -> None:
    """What the rows say, in a sentence, and longer for those who ask."""
    with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
        st.text(
            "Synergy is what only both words together say about a pixel. A sense is taken if each image is nearest to "
            "the images of that sense and the context makes it likelier.",
            width="stretch",
        )
        with st.popover("What can be told"):
            for paragraph in _told():
                st.markdown(paragraph)


def _told() -> list[str]:
    return [
        "The store does not know what a picture shows: look at the images. Two things can be told of each sentence.",
        "**Nearest to.** In the model's latent space, each image is compared with the mean image of its own sense and "
        "with those of the word's other senses. Images of the same seed are left out. If the model ignores the "
        "context, it draws the same for all senses, and an image is nearest to its own sense by chance only. Images "
        "that differ do not prove that the model drew the right sense. " + glossary.link("nearest-to-its-own-sense"),
        "**Gain.** How much likelier the model finds the image given both words than given the homonym alone (log "
        "ratio). Above zero, the context makes this very image likelier. " + glossary.link("gain"),
        "**Synergy** is high where the two words act only together. It is below zero where one word alone says what "
        "both do, or misleads when it stands alone, as a homonym can. " + glossary.link("synergy"),
        "**Taken**: all images are nearest to their own sense, and the interval of the gain lies above zero. "
        + glossary.link("taken"),
    ]


def draw(view: View, row: SentenceRow, limit: float, number: int) -> list[exports.ExportFigure]:
    """Draw a row, its map on a scale that ends at `limit` in the unit shown; gives the figure that there is."""
    told, index, drawn = row.told, row.measured.index(view.seed), []
    with st.container(border=True):
        text, image, overlay, numbers, verdict = st.columns([4, 4, 4, 7, 7], gap="small")
        with text:
            st.text(told["prompt"])
            st.caption(notices.plain(f"meant as {told['sense']}"))
            study_header.to_explorer(view, row.measured.entry)
        if index is None:
            image.caption(f"No image of seed {view.seed}")
        else:
            picture = row.measured.image(index)
            said = f"{told['prompt']}, seed {view.seed}"
            image.image(row.measured.thumbnails()[index], width="stretch", alt=f"Image of {said}")
            (layer,) = row.measured.layers(view, index, (QUANTITY,), limit)
            figure = maps_figure.overlay(picture, layer, view.opacity / 100, view.threshold / 100)
            figure.update_layout(height=HEIGHT, coloraxis_colorbar_nticks=3)
            about = f"Synergy of {' and '.join(row.measured.pair.pair.words)} over the image of {said}"
            with overlay:
                exports.figure(f"overlay-{number}", figure, key=f"overlay {told['prompt']}", alt=about)
            title = f"{QUANTITY.capitalize()}, {said}"
            drawn.append(exports.ExportFigure(f"overlay-{number}", title, figure, maps_figure.values([layer])))
        with numbers:
            _numbers(view, row, index)
        with verdict:
            _verdict(row)
    return drawn


def _numbers(view: View, row: SentenceRow, index: int | None) -> None:
    told, scale, lines = row.told, factor(view.unit), {}
    if index is not None:
        found = row.measured.parts(view.mode)[QUANTITY]
        lines[f"Synergy, seed {view.seed}"] = written(found.total[index] * scale, found.total_se[index] * scale)
    for name, label in ((QUANTITY, "Synergy, mean"), ("gain", "Gain, mean")):
        lines[label] = ranged(*(told[each] * scale for each in (name, f"{name}_low", f"{name}_high")))
    table = pd.DataFrame({view.unit: list(lines.values())}, index=pd.Index(list(lines), name=""))
    st.table(table, border="horizontal")


def _verdict(row: SentenceRow) -> None:
    told, nearest = row.told, row.nearest
    colour, icon = BADGES[told["taken"]]
    st.badge(told["taken"], color=colour, icon=icon)
    if told["compared"]:
        chance = told["chance"] * told["compared"]
        said = f"Nearest to images of its own sense, {told['sense']}: {told['own']} of {told['compared']}"
        st.caption(notices.plain(f"{said}; by chance {chance:.2g}."))
    else:
        st.caption("There is no image of another sense of this word to compare with.")
    pair, marks = row.measured.pair, {told["sense"]: "\u2713"}
    st.image(
        row.measured.thumbnails(),
        width=THUMBNAIL,
        caption=[
            notices.plain(f"{seed} {marks.get(nearest[seed], nearest[seed])}" if seed in nearest else f"{seed}")
            for seed in pair.seeds
        ],
    )
