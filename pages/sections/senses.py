"""A sentence with a homonym as a row: its image, its synergy over it, the numbers, what can be told of its meaning."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from pages.address import View
from pages.data import glossary, recognised
from pages.data.pairs import PairMaps
from pages.data.sentence_study import SentenceStudy
from pages.figures import maps as maps_figure
from pages.figures.quantities import factor, ranged, written
from pages.sections import study_header
from pages.widgets import exports, notices
from store.catalogue import Entry

QUANTITY = "synergy"
HEIGHT = 190  # pixels of an overlay with its colour bar
THUMBNAIL = 52
THIS, OTHER, NEITHER = "this sense", "the other", "neither"  # what an image shows


@dataclass(frozen=True)
class SentenceRow:
    """A sentence: its row of `store.tables.senses`, which sense's images each image is nearest to, what is stored."""

    told: pd.Series
    nearest: pd.Series  # by seed
    measured: PairMaps
    others: tuple[str, ...] = ()  # sentences of the word's other senses

    @property
    def answers(self) -> dict[int, str]:
        """What the image of each seed shows: THIS, OTHER or NEITHER; nothing where that cannot be told."""
        found = answers_of(self.measured.entry, self.others)
        return {seed: found[seed] for seed in self.measured.pair.seeds if seed in found}


def answers_of(entry: Entry, others: Sequence[str]) -> dict[int, str]:
    """Return what the image of each seed shows, where `others` are sentences of the word's other senses."""
    told = recognised.of_file(entry.path, entry.key.prompt, entry.key.model)
    return {
        seed: THIS if asked else OTHER if any(map(thing.has, others)) else NEITHER
        for seed, (thing, asked) in told.items()
        if asked is not None
    }


def others_of(told: pd.Series, table: pd.DataFrame) -> tuple[str, ...]:
    """Return the sentences of `table` with the word of the row `told` in another sense."""
    return tuple(table[(table["word"] == told["word"]) & (table["sense"] != told["sense"])]["prompt"])


def answer(found: SentenceStudy, table: pd.DataFrame) -> str:
    """Return the answer of a study in a sentence, with counts of all its images where it is known what they show."""
    from store.tables.findings import studies as words  # scipy takes a second to import

    counted = dict.fromkeys((THIS, OTHER, NEITHER), 0)
    entries = {entry.key.prompt: entry for entry in found.entries}
    for _, told in table.iterrows():
        for each in answers_of(entries[told["prompt"]], others_of(told, table)).values():
            counted[each] += 1
    return " ".join(filter(None, (words.of_counts(*counted.values()), words.of_senses(table))))


def first_seed(rows: Sequence[SentenceRow], seeds: Sequence[int]) -> int:
    """The seed that is shown where nobody chose one: that of which the most images show the sense asked for."""
    return max(seeds, key=lambda seed: sum(row.answers.get(seed) == THIS for row in rows))


def explain() -> None:
    """What the rows say, in a sentence, and longer for those who ask."""
    with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
        st.text(
            "Synergy is what only both words together say about a pixel. An image shows this sense, the other, or "
            "neither. Gain says whether the context makes the image likelier.",
            width="stretch",
        )
        with st.popover("What can be told"):
            for paragraph in _told():
                st.markdown(paragraph)


def _told() -> list[str]:
    return [
        "**This sense, the other, neither.** Where it is known what a model was taught, each image is compared with "
        "those pictures. It is *neither* if it is near to another thing, or to none. " + glossary.link("failed-image"),
        "For other models the store does not know what a picture shows: look at the images. Two things can be told.",
        "**Nearest to.** In the model's latent space, each image is compared with the mean image of its own sense and "
        "with those of the word's other senses. Images of the same seed are left out. If the model ignores the "
        "context, it draws the same for all senses, and an image is nearest to its own sense by chance only. Images "
        "that differ do not prove that the model drew the right sense. " + glossary.link("nearest-to-its-own-sense"),
        "**Gain.** How much likelier the model finds the image given both words than given the homonym alone (log "
        "ratio). Above zero, the context makes this very image likelier. " + glossary.link("gain"),
        "**Synergy** is high where the two words act only together. It is below zero where one word alone says what "
        "both do, or misleads when it stands alone, as a homonym can. " + glossary.link("synergy"),
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
    """How many images show this sense, the other, or neither; else which sense's images they are nearest to."""
    told, answers = row.told, row.answers
    if answers:
        counts = {name: list(answers.values()).count(name) for name in (THIS, OTHER, NEITHER)}
        said = ", ".join(f"{count} {name}" for name, count in counts.items())
        st.markdown(f"**{notices.plain(f'{said}, of {len(answers)} images')}**")
    if told["compared"]:
        chance = told["chance"] * told["compared"]
        said = f"{told['own']} of {told['compared']} nearer to images of {told['sense']} than to those of another sense"
        (st.caption if answers else st.markdown)(notices.plain(f"{said}; by chance {chance:.2g}."))
    elif not answers:
        st.caption("There is no image of another sense of this word to compare with.")
    st.image(
        row.measured.thumbnails(),
        width=THUMBNAIL,
        caption=[notices.plain(_below(row, answers, seed)) for seed in row.measured.pair.seeds],
    )


def _below(row: SentenceRow, answers: dict[int, str], seed: int) -> str:
    """What stands below the small image of a seed."""
    if seed in answers:
        return f"{seed} {answers[seed].removeprefix('the ').removesuffix(' sense')}"
    return f"{seed} {row.nearest[seed]}" if seed in row.nearest else f"{seed}"
