"""What pages say when there is nothing to show, something is missing, or a file cannot be used."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from pages import address
from pages.address import DEMO, SELECTION, ExplorerView, View
from pages.data import results
from pages.data.selection import Missing
from pages.data.shell_commands import run_command
from pages.figures.escape import plain
from store import settings
from store.records import pair_words

EXAMPLE = ExplorerView(prompt="a female doctor", pair="female+doctor")
LISTED = 20
JOB_FORM = "job form"  # the key of its expander, which says whether it is open
ASKED_KIND, STUDY_ASKED = "asked kind of job", "study"  # what the form is opened for, where the page says so
LATER = "to be said"


def empty(view: View, root: Path) -> None:
    """Nothing was computed yet: what to do about it."""
    wanted = replace(EXAMPLE, store=view.store, model=view.model or settings.load().model)
    said = f"The store {root.absolute()} holds no results. This command computes a first one:"
    nothing(view, said, run_command(wanted, root))


def nothing(view: View, said: str, command: str) -> None:
    """What was asked for is not computed yet: the command that does so, and the way to the demo store."""
    with st.container(border=True):
        st.subheader("Nothing computed yet", anchor=False)
        st.text(said)
        st.code(command, language="bash", wrap_lines=True)
        launching(results.folder(view))
        if view.store == DEMO:
            return
        there = results.demo_exists()
        st.button(
            "Open the demo store",
            type="primary",
            disabled=not there,
            on_click=address.change,
            kwargs={"store": DEMO, "model": ""},
            help="Results of the embedded model that come with the software",
        )
        if not there:
            st.caption("This installation came without the demo store.")


def launching(root: Path, kind: str = "") -> None:
    """The way without a command, where there is one; `kind` is STUDY_ASKED to fill the form with the page's study."""
    if results.is_writable(root):
        st.button(
            "Or launch it from here",
            icon=":material/add_circle:",
            on_click=st.session_state.update,
            args=({JOB_FORM: True, ASKED_KIND: kind},),
            help="Opens New compute job in the sidebar, already filled in",
        )


def say_later(text: str, icon: str) -> None:
    """Keep a message for `toast`: what a callback draws itself would take the place of something on the page."""
    st.session_state.setdefault(LATER, []).append((text, icon))


def toast() -> None:
    """Show what callbacks had to say."""
    for text, icon in st.session_state.pop(LATER, []):
        st.toast(plain(text), icon=f":material/{icon}:")


def missing(what: Missing, view: View) -> None:
    """Say that a link names something that the store does not hold, or that a pair was not computed yet."""
    with st.container(border=True):
        if what.field == "pair" and what.command:
            st.subheader("Not computed yet", anchor=False)
            st.text(f"The store holds nothing of the pair {' and '.join(pair_words(what.value))} in this prompt yet.")
        else:
            st.subheader("Not in this store", anchor=False)
            place = f" ({what.context})" if what.context else ""
            st.text(f"The link names something that the store does not hold: {what.field} {what.value}{place}.")
        if what.command:
            st.text("This command computes it:")
            st.code(what.command, language="bash", wrap_lines=True)
            launching(results.folder(view))
        st.text("The store holds these instead:")
        with st.container(horizontal=True):
            for value in what.there[:LISTED]:
                changes = {**dict.fromkeys(("word", *_after(what.field)), ""), what.field: value}
                st.button(plain(value), key=f"instead {value}", on_click=address.change, kwargs=changes)
        if len(what.there) > LISTED:
            st.caption("and others. The Overview lists them all.")


def _after(field: str) -> tuple[str, ...]:
    """What of a selection depends on `field`."""
    return SELECTION[SELECTION.index(field) + 1 :] if field in SELECTION else SELECTION


def of_model(notes: Sequence[str]) -> None:
    """What is to be known of the model whose results are shown."""
    for note in notes:
        st.caption(f":material/warning: {plain(note[:1].upper() + note[1:])}.")


def broken(files: Sequence[tuple[Path, str]], root: Path, expanded: bool = False) -> None:
    """Files that cannot be used, each with the cause and the mend; the rest is shown nevertheless."""
    if not files:
        return
    count = "1 file" if len(files) == 1 else f"{len(files)} files"
    with st.expander(
        f"{count} of the store cannot be used; everything else is shown", icon=":material/warning:", expanded=expanded
    ):
        for path, problem in files[:LISTED]:
            st.code(f"{path.relative_to(root)}\n{problem}", language=None, wrap_lines=True)
        if len(files) > LISTED:
            st.caption(f"and {len(files) - LISTED} more; `python -m store check` lists them all")
