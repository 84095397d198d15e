"""A study of sentences on a page: which one is meant, what of it is there, and the way to what is not."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import streamlit as st

from pages import address
from pages.address import FAILED, View
from pages.data import bias_tables, glossary, pairs, recognised, results
from pages.data.pairs import PairMaps
from pages.data.selection import Missing, guidance_of, view_of
from pages.data.sentence_study import SentenceStudy, entries_of
from pages.figures.quantities import MODES_MEANING
from pages.widgets import notices
from store import studies, warnings
from store.catalogue import Entry, Filter
from store.errors import InputError, StoreError
from store.studies import Study

SENTENCE = ("prompt", "pair", "word", "seed")  # what a view says about one sentence of a study


def choose(view: View, usual: Sequence[str], fits: Callable[[Study], bool]) -> SentenceStudy | None:
    """The study that `view` names among those that fit, or the first of the `usual` ones of which there is anything.

    Draws its heading and, where there is more than one, the choice; where there is nothing to show it says so and
    gives None.
    """
    root = results.folder(view)
    listing = results.Listing(root)
    try:
        known = _offered(view, root, listing, usual, fits)
        if view.study and view.study not in studies.names(root):
            notices.missing(Missing("study", view.study, "", tuple(known)), view)
            return None
    except InputError as error:
        st.error(notices.plain(str(error)))
        return None
    there = {name: entries_of(listing, name, view.model, view.revision) for name in known}
    first = next((name for name in known if there[name]), next(iter(known)))
    asked = known[view.study if view.study in known else first]
    entries = there[asked.name]
    guidance = guidance_of(view, asked.guidance_among(entry.key.guidance for entry in entries))
    chosen = tuple(entry for entry in entries if entry.key.guidance == guidance)
    about = {"model": view.model, "revision": view.revision, "guidance": guidance}
    without, told = recognised.left_out(listing, asked, view.failed, **about) if chosen else (frozenset(), {})
    found = SentenceStudy(study=asked, entries=chosen, guidance=guidance, root=root, listing=listing, without=without)
    _heading(view, found, list(known.values()), sorted({f"{entry.key.guidance:g}" for entry in entries}))
    notices.broken(listing.broken(), root)
    if not chosen:
        said = f"The store {root.absolute()} holds nothing of this study for the model {view.model}."
        said += " This command computes it:"
        notices.nothing(view, said, bias_tables.command(found.study, view, found.root, found.guidance))
        return None
    _progress(view, found)
    if wrong := recognised.problem(root, view.model):
        st.warning(notices.plain(wrong))
    if told:
        st.caption("{} of {} images do not show what was asked and are left out of tables.".format(*told["left_out"]))
    notices.of_model(warnings.notes_in(chosen[0].path))
    return found


def read_pair(view: View, entry: Entry | None) -> PairMaps | None:
    """Return what is stored of `entry`, None if there is none; where it cannot be read the page says so."""
    try:
        return pairs.read(view, entry) if entry else None
    except StoreError as error:
        st.error(notices.plain(str(error)))
        return None


def answer(text: str, found: SentenceStudy, mode: str) -> None:
    """Say what the study finds, in one sentence above everything else, and if its information does not close."""
    from store.tables.findings.closing import broken_chain, chain  # scipy takes a second to import

    if text:
        st.markdown(f"**{notices.plain(text)}**")
    with suppress(InputError):  # no prompt has both words
        if broken := broken_chain(chain(each for each in found.entries if each.mode == mode)):
            st.caption(notices.plain(broken))


def settled(view: View, found: SentenceStudy) -> View:
    """`view` with its study named, in a mode that there is; of another study only a prompt that this one has too."""
    if view.study != found.study.name:
        shared = any(entry.key.prompt == view.prompt for entry in found.entries)
        view = replace(view, **(dict.fromkeys(SENTENCE, "") | ({"prompt": view.prompt} if shared else {})))
    mode = view.mode if view.mode in found.modes else found.modes[-1]
    return replace(view, study=found.study.name, mode=mode)


def mode_choice(view: View, modes: Sequence[str]) -> None:
    """The choice between modes."""
    st.segmented_control(
        "Mode",
        modes,
        format_func=str.upper,
        required=True,
        help=glossary.explained(MODES_MEANING, "mode"),
        **address.bind_field("mode", view.mode, among=modes),
    )


def seed_choice(view: View, seeds: Sequence[int]) -> None:
    """The choice between seeds."""
    offered = list(map(str, seeds))
    st.segmented_control(
        "Seed",
        offered,
        required=True,
        help=glossary.explained("Images of one seed start from the same noise.", "seed"),
        **address.bind_field("seed", view.seed, among=offered),
    )


def to_explorer(view: View, entry: Entry, label: str = "Explore") -> None:
    """The way to all maps of `entry`."""
    chosen = replace(view_of(entry, view), seed=view.seed)
    st.page_link(
        "explorer.py",
        label=label,
        icon=":material/arrow_forward:",
        icon_position="right",
        query_params=chosen.parameters,
    )


def _offered(
    view: View, root: Path, listing: results.Listing, usual: Sequence[str], fits: Callable[[Study], bool]
) -> dict[str, Study]:
    """Studies by name: the usual ones as the model has them, then others that fit of which there is anything.

    One whose file is wrong is named, and the others are offered; raises InputError where no other is left.
    """
    names, found, wrong = studies.names(root), {}, []
    others = [name for name in listing.values("study", Filter(model=view.model)) if name in names]
    for name, model in [*((name, view.model) for name in usual), *((name, "") for name in others)]:
        try:
            study = studies.load(name, root, model)
        except InputError as error:
            wrong.append(error)
            continue
        if name in usual or fits(study):
            found.setdefault(study.name, study)
    if wrong and not found:
        raise wrong[0]
    for text in dict.fromkeys(map(str, wrong)):
        st.warning(notices.plain(text))
    return found


def _heading(view: View, found: SentenceStudy, known: list[Study], guidances: list[str]) -> None:
    heading, choice, other, failed = st.columns([11, 6, 3, 3], vertical_alignment="bottom")
    with heading:
        st.title(notices.plain(found.study.title), anchor=False)
        st.text(found.study.question)
    if len(known) > 1:
        titles = {each.name: each.title for each in known}
        choice.selectbox(
            "Study",
            list(titles),
            format_func=titles.get,
            **address.bind_field("study", found.study.name, SENTENCE, start="index", among=list(titles)),
        )
    shown = f"{found.guidance:g}"
    if set(guidances) - {shown}:
        offered = list(dict.fromkeys([*guidances, shown]))
        other.selectbox(
            "Guidance",
            offered,
            help=glossary.explained("Of image generation. More of it exaggerates what the model leans to.", "guidance"),
            **address.bind_field("guidance", shown, start="index", among=offered),
        )
    if recognised.is_known(found.root, view.model):
        failed.selectbox(
            "Failed images",
            FAILED,
            format_func={FAILED[0]: "keep", FAILED[1]: "leave out"}.get,
            help=glossary.explained("Images that do not show all that their prompt names", "failed-image"),
            **address.bind_field("failed", view.failed, start="index", among=FAILED),
        )


def _progress(view: View, found: SentenceStudy) -> None:
    """How much of the study is there, and how to get the rest."""
    done, wanted = found.share
    if done >= wanted:
        return
    said = f"Partly computed: {done:,} of {wanted:,} answers about an image ({100 * done / wanted:.0f}%)"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(done / wanted, said, width="stretch")
        with st.popover("Compute the rest"):
            st.text("This command computes what is missing and keeps what is there:")
            command = bias_tables.command(found.study, view, found.root, found.guidance)
            st.code(command, language="bash", wrap_lines=True)
            notices.launching(found.root, notices.STUDY_ASKED)
