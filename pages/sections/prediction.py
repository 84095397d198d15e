"""Whether what was measured of a word foretells the change without it, over a whole study."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from pages import address
from pages.address import FAILED, InterventionView
from pages.data import glossary, recognised, sentence_tables
from pages.data.sentence_study import SentenceStudy
from pages.figures import effects
from pages.figures.quantities import factor
from pages.figures.times import counted
from pages.sections.before_after import PREDICTORS, ChangeScreen
from pages.widgets import exports, notices

BY = {"pixels": "pixels", "structure": "structure (1 \u2212 SSIM)"}
FOREST, SCATTER = "correlations", "scatter"
TOLD = 3  # problems of files and images
FEW = 10  # prompts, below which intervals are too short


def without_failed(found: SentenceStudy, images: pd.DataFrame, view: InterventionView, change: str, by: str) -> str:
    """Return the answer without the images that do not show what was asked; empty where none is known, or all are.

    `images` are the rows of the study, with these images: where they were left out already it is empty too.
    """
    from store.tables.findings import studies as words  # scipy takes a second to import

    key = found.entries[0].key
    about = {"model": key.model, "revision": view.revision, "guidance": found.guidance}
    wrong, told = recognised.left_out(found.listing, found.study, FAILED[1], **about)
    if found.without or not wrong or images.empty:
        return ""
    keys = zip(images["prompt"], images["changed_prompt"], images["seed"], strict=True)
    right = images[[not {(prompt, seed), (changed, seed)} & wrong for prompt, changed, seed in keys]]
    if right[right["change"] == change].empty:
        return ""
    failed, checked = told["left_out"]
    said = words.of_effects(sentence_tables.effects(replace(found, without=wrong), right), change, by)
    return f"Without the {failed} of {checked} images that do not show what was asked: {said}"


def draw(shown: ChangeScreen) -> list[exports.ExportFigure]:
    """Over the whole study: how well each predictor goes with the change, and the images one by one."""
    view, rows = shown.view, shown.rows
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(
            "Over the whole study: what predicts the change?",
            anchor=False,
            help=glossary.explained("A predictor is measured of the word before the word is changed.", "predictor"),
        )
        st.segmented_control(
            "Change of the image by",
            list(BY),
            format_func=BY.get,
            required=True,
            label_visibility="collapsed",
            **address.bind_field("by", view.by, among=list(BY)),
        )
    problems = shown.images.attrs["problems"]
    for problem in problems[:TOLD]:
        st.warning(notices.plain(problem))
    if len(problems) > TOLD:
        st.caption(f"and {len(problems) - TOLD} more")
    if rows.empty:
        st.text("No image of a changed prompt is there yet to compare with.")
        return []
    table = sentence_tables.effects(shown.found, shown.images)
    table = table.xs((view.change, view.by), level=("change", "by"))
    left, right = st.columns(2, gap="large")
    forest = effects.correlations(table, PREDICTORS, view.predictor)
    key = f"{FOREST} {view.change} {view.by} {view.predictor}"
    with left:
        exports.points(
            FOREST,
            forest,
            key,
            lambda point: address.change(predictor=point[0]),
            alt=f"Correlation of each predictor with the change of {view.by}, with intervals",
        )
        st.caption(_rests_on(shown, table))
    attention = view.predictor == "attention"
    across = f"{PREDICTORS[view.predictor]}{'' if attention else f', {view.unit}'}"
    step = 1.0 if attention else factor(view.unit)
    points = effects.scatter(
        rows, view.predictor, view.by, (across, f"change of {BY[view.by]}"), step, shown.of_sentence
    )
    opened = f"{SCATTER} {view.change} {view.by} {view.predictor} {view.prompt} {view.word} {view.seed}"
    with right:
        st.selectbox(
            "Predictor",
            list(PREDICTORS),
            format_func=PREDICTORS.get,
            **address.bind_field("predictor", view.predictor, start="index", among=list(PREDICTORS)),
        )
        exports.points(
            SCATTER,
            points,
            opened,
            lambda point: address.change(prompt=point[0], word=point[1], seed=str(point[2])),
            alt=f"{across} of each image against its change of {view.by}",
        )
        st.caption("Each point is an image. A click opens it.")
    shown_rows = rows[["prompt", "word", "seed", view.predictor, view.by]]
    return [
        exports.ExportFigure(FOREST, f"Correlations with {view.by}, {view.change}", forest, table),
        exports.ExportFigure(SCATTER, f"{view.predictor} and {view.by}, {view.change}", points, shown_rows),
    ]


def _rests_on(shown: ChangeScreen, table: pd.DataFrame) -> str:
    """What the correlations rest on, and what is lacking."""
    prompts = int(table["prompts"].max().max())
    said = [
        f"Pearson correlation over {counted(len(shown.rows), 'image')} of {counted(prompts, 'prompt')}. The 95% "
        "intervals say where it would lie with other prompts."
    ]
    attrs = shown.images.attrs
    if lacking := attrs["missing"][shown.view.change]:
        said.append(f"No image of the changed prompt is there for {counted(lacking, 'image')}.")
    if attrs["absent"]:
        said.append(f"Not computed yet: {counted(attrs['absent'], 'sentence')} of the study.")
    if prompts < FEW:
        said.append("With so few prompts the intervals are too short.")
    said.append("Kong et al. (2024) report, of Stable Diffusion, 0.34 for CMI and 0.24 for attention (image level).")
    return " ".join(said)
