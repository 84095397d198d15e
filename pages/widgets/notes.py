"""Notes on what is shown: written, revised and taken back beside it, and all that are pinned as one report."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

from pages.address import View
from pages.data import results
from pages.figures import report
from pages.figures.report import Sheet
from pages.widgets import notices
from store.errors import DiffusionPIDError
from store.notes import LONGEST, Note, Notes, Pin, RevisedMeanwhileError

AUTHOR = "author of notes"
SEEN = "version seen of note"


def draw(page: str, view: View, root: Path, key: str, sheet: Sheet) -> None:
    """Draw the notes on `key` in the store `root`; a new one is pinned to `sheet`, what the address of `view` shows."""
    writing = results.is_writable(root)
    notes = Notes(root)
    st.subheader("Notes on what is shown", anchor=False)
    try:
        found, pinned = notes.about(key), notes.count_pinned()
    except DiffusionPIDError as error:
        st.error(notices.plain(str(error)))
        return
    for note in found:
        _note(notes, note, writing)
    if not found:
        st.caption("Nobody has written one yet.")
    if writing:
        pin = Pin(f"/{page}?{urlencode(view.parameters)}", sheet.title, "")
        _form(notes, key, pin, sheet)
    if pinned:
        count = "1 pinned view" if pinned == 1 else f"{pinned} pinned views"
        server = server_of(st.context.url or "", page)
        st.download_button(
            f"Report of {count}",
            lambda: report.of_pins("Pinned views", notes.pinned(), server).encode(),
            "report.html",
            "text/html",
            icon=":material/description:",
            on_click="ignore",
            help="All notes of this store with what they were pinned to, as one file that needs no network",
        )


def server_of(url: str, page: str) -> str:
    """Return where the pages of the server lie, without a slash at the end, if the page at `page` is at `url`.

    A server may have a path of its own before all pages, as `--server.baseUrlPath` or a proxy gives it.
    """
    return url.rstrip("/").removesuffix(f"/{page}")


def _note(notes: Notes, note: Note, writing: bool) -> None:
    """One note as plain text, with what its author, or anybody, can do about it."""
    with st.container(border=True, key=f"note {note.number}", gap="small"):
        st.text(note.text)
        with st.container(horizontal=True, vertical_alignment="center"):
            version = f", version {note.version}" if note.version > 1 else ""
            written = f"{note.author}, {note.written[:16].replace('T', ' ')} UTC{version}"
            st.caption(notices.plain(written), width="stretch")
            if note.version > 1:
                with st.popover("Earlier versions", type="tertiary"):
                    for older in notes.history(note.number)[:-1]:
                        st.caption(notices.plain(f"{older.author}, {older.written[:16].replace('T', ' ')} UTC"))
                        st.text(older.text)
            if writing:
                with st.popover("Revise", type="tertiary"):
                    _revision(notes, note)


def _revision(notes: Notes, note: Note) -> None:
    """The form that changes a note. It stays the same when somebody else does so meanwhile, and says it."""
    seen: tuple[int, str] = st.session_state.setdefault(f"{SEEN} {note.number}", (note.version, note.text))
    version, text = seen
    with st.form(f"revision of {note.number}", border=False):
        if text != note.text:
            st.warning(notices.plain(f"{note.author} changed this note meanwhile. Both texts stay if you save yours."))
        author = st.text_input("Your name", st.session_state.get(AUTHOR, note.author))
        text = st.text_area("Note", text, max_chars=LONGEST)
        with st.container(horizontal=True):
            revised = st.form_submit_button("Save", type="primary")
            withdrawn = st.form_submit_button("Take it back")
    if revised:
        _change(author, note, seen, lambda: notes.revise(note.number, author, text, version))
    if withdrawn:
        _change(author, note, seen, lambda: notes.withdraw(note.number, author, version))


def _change(author: str, note: Note, seen: tuple[int, str], work: Callable[[], object]) -> None:
    """Do it; where somebody else was quicker, keep what was written in the form, to be saved after theirs."""
    try:
        work()
    except RevisedMeanwhileError as error:
        st.session_state[f"{SEEN} {note.number}"] = note.version, seen[1]
        st.error(notices.plain(str(error)))
    except DiffusionPIDError as error:
        st.error(notices.plain(str(error)))
    else:
        st.session_state.pop(f"{SEEN} {note.number}")
        st.session_state[AUTHOR] = author
        st.rerun()


def _form(notes: Notes, key: str, pin: Pin, sheet: Sheet) -> None:
    with st.form(f"new note on {key}", clear_on_submit=True, border=True):
        text = st.text_area("Pin a note to what is shown", max_chars=LONGEST, height=80)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            author = st.text_input("Your name", st.session_state.get(AUTHOR, ""), width=240)
            submitted = st.form_submit_button("Pin", icon=":material/push_pin:")
    if submitted:
        kept = Pin(pin.address, pin.title, sheet.packed())
        _write(author, lambda: notes.add(key, author, text, kept))


def _write(author: str, work) -> None:
    """Do it and show the page anew, or say why it cannot be done."""
    try:
        work()
    except DiffusionPIDError as error:
        st.error(notices.plain(str(error)))
        return
    st.session_state[AUTHOR] = author
    st.rerun()
