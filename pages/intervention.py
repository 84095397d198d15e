"""What happens to the image when a word is taken out, and whether what was measured of the word foretells it."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from pages import address
from pages.address import View
from pages.data import glossary, sentence_tables
from pages.data.pairs import in_band
from pages.data.selection import Missing
from pages.data.sentence_study import SentenceStudy
from pages.sections import before_after, prediction, study_header
from pages.sections.before_after import PREDICTORS, ChangeScreen
from pages.sections.prediction import BY
from pages.widgets import notices, sliders, take_along
from store.errors import InputError
from store.records import MODES
from store.studies import REMOVED, SWAPPED, Change, Interventions

PAGE = "intervention"


def main() -> None:
    """The page."""
    view = address.current(address.InterventionView)
    found = study_header.choose(view, (PAGE,), lambda each: isinstance(each.content, Interventions))
    if found is None:
        return
    view = study_header.settled(view, found)
    view = replace(
        view,
        by=view.by if view.by in BY else "structure",
        predictor=view.predictor if view.predictor in PREDICTORS else "conditional",
    )
    there = [each for each in found.study.content.changes if found.entry(each.pair.prompt, each.pair.name, MODES[1])]
    if not there:
        st.info("Only images of changed prompts are there. Images of the unchanged prompts are not computed yet.")
        return
    change = _named(view, there)
    if change is None:
        prompts = tuple(dict.fromkeys(each.pair.prompt for each in there))
        notices.missing(Missing("prompt", view.prompt, f"study {found.study.name}", prompts), view)
        return
    try:
        images = sentence_tables.interventions(found, view)
    except InputError as error:
        st.error(notices.plain(str(error)))
        return
    if not view.prompt:
        change, seed = before_after.telling(found, there, images)
        view = replace(view, seed=view.seed or seed)
    view = replace(view, prompt=change.pair.prompt, word=change.word, pair="")
    shown = _shown(view, found, change, images)
    if shown is None:
        return
    address.show(shown.view)
    _answer(shown)
    _choices(shown, there)
    before_after.images(shown)
    strip = before_after.maps(shown)
    charts = prediction.draw(shown)
    printed = shown.rows[["prompt", "word", "seed", *BY, *PREDICTORS]]
    take_along.of_study(PAGE, shown.view, found, shown.rows, [strip, *charts], printed)


def _answer(shown: ChangeScreen) -> None:
    """Whether anything that was measured foretells the change, over the whole study."""
    if shown.rows.empty:
        return
    from store.tables.findings import studies as words  # scipy takes a second to import

    effects = sentence_tables.effects(shown.found, shown.images)
    study_header.answer(words.of_effects(effects, shown.view.change, shown.view.by), shown.found, shown.view.mode)
    if rest := prediction.without_failed(shown.found, shown.images, shown.view, shown.view.change, shown.view.by):
        st.markdown(notices.plain(rest))


def _named(view: View, there: list[Change]) -> Change | None:
    """The change that `view` names, or the first; None where it names one that is not there."""
    if not view.prompt:
        return there[0]
    of_prompt = [each for each in there if each.pair.prompt == view.prompt]
    return next((each for each in of_prompt if view.word in ("", each.word)), None)


def _shown(view: View, found: SentenceStudy, change: Change, images: pd.DataFrame) -> ChangeScreen | None:
    original = study_header.read_pair(view, found.entry(change.pair.prompt, change.pair.name, view.mode))
    if original is None:
        return None
    if original.index(view.seed) is None:
        view = replace(view, seed=str(original.pair.seeds[0]))
    asked_about = {REMOVED: change.removed, SWAPPED: change.swapped}
    read_of = {
        kind: study_header.read_pair(view, found.entry(prompt, change.pair.name, MODES[0]))
        for kind, prompt in asked_about.items()
    }
    changed = {kind: one for kind, one in read_of.items() if one}
    offered = list(changed) or [REMOVED]
    view, bands = in_band(replace(view, change=view.change if view.change in offered else offered[0]), original)
    return ChangeScreen(
        view=view, found=found, change=change, original=original, changed=changed, images=images, bands=bands
    )


def _choices(shown: ChangeScreen, there: list[Change]) -> None:
    view = shown.view
    sentence, change, mode, seed = st.columns([4, 3, 2, 5], vertical_alignment="bottom")
    sentence.selectbox(
        "Sentence and word",
        there,
        format_func=lambda change: f"{change.pair.prompt}: {change.word}",
        **address.bind_widget("sentence", shown.change, _open, "index", there),
    )
    offered = list(shown.changed) or [REMOVED]
    change.segmented_control(
        "The word is",
        offered,
        required=True,
        help=glossary.explained("The prompt loses the word, or gets another one. The seed stays.", "intervention"),
        **address.bind_field("change", view.change, among=offered),
    )
    with mode:
        study_header.mode_choice(view, shown.found.modes)
    with seed:
        study_header.seed_choice(view, shown.original.pair.seeds)
    sliders.draw(view, shown.bands)


def _open(change: Change) -> None:
    address.change(prompt=change.pair.prompt, word=change.word)


main()
