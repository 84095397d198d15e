"""The mechanism between view, address bar and widgets.

A run of the script goes: `current` reads the view; the page settles what it leaves open, and calls `show`, which puts
it into the address bar; widgets are drawn with its values. Somebody chooses: before the next run Streamlit calls what
`bind_field` gave the widget, which calls `change`; the next `current` finds the new view.

The browser may be late in two ways, and both are met here. It may name the address as it was before the change in the
run that follows: that address is remembered, and no longer read. And it may name the old value of a widget whose value
has changed elsewhere, by a link or another widget: the widget then gives way to a new one under another key, and
nobody listens to the old one.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from pages.address.view import SELECTION, View
from store.records import MODES

SHOWN = "shown"  # the view of the page
REMEMBERED = "remembered"  # parameters of all pages, as each was shown last
LEFT = "left"  # the address before a change
TAKEN = "keys taken"  # of the widget that shows a value, by name: how many gave way before
LOOKED_AT = "mode and seed looked at"


def current(kind: type[View]) -> View:
    """Return the view, of a page whose views are of this `kind`, in this run of the script.

    An address that names a model decides alone. One that does not, as after a click on another page's name, is
    completed by what pages showed before.
    """
    address, before = st.query_params.to_dict(), st.session_state.get(REMEMBERED, {})
    if address == st.session_state.get(LEFT):
        return kind.parse(before)
    if "model" not in address:
        lost = SELECTION if "prompt" in address else ()
        address = {name: value for name, value in before.items() if name not in lost} | address
    return kind.parse(address)


def show(view: View) -> None:
    """Remember `view` and put it into the address bar."""
    before = st.session_state.get(REMEMBERED, {})
    others = before if before.get("model") == view.model and before.get("store", "") == view.store else {}
    own = set(type(view).__dataclass_fields__)
    remembered = {name: value for name, value in others.items() if name not in own} | view.parameters
    st.session_state[SHOWN], st.session_state[REMEMBERED] = view, remembered
    st.session_state.pop(LEFT, None)
    if st.query_params.to_dict() != view.parameters:
        st.query_params.from_dict(view.parameters)


def shared_query() -> str:
    """Return what all pages show of, as the query of an address with its question mark; empty where it is unknown."""
    view = st.session_state.get(SHOWN)
    parameters = View.parse(view.parameters).parameters if view else {}
    return f"?{urlencode(parameters)}" if parameters else ""


def change(**changes: object) -> None:
    """Change what is shown: for widgets to call. Fields that the page does not have are changed for other pages."""
    view, left = st.session_state[SHOWN], st.query_params.to_dict()
    own = {name: value for name, value in changes.items() if hasattr(view, name)}
    others = {name: str(value) for name, value in changes.items() if name not in own}
    st.session_state[REMEMBERED] = {**st.session_state[REMEMBERED], **others}
    show(replace(view, **own))
    st.session_state[LEFT] = left


def keep() -> None:
    """Stay with what is shown in the next run, should the browser name the address as it is now."""
    st.session_state[LEFT] = st.query_params.to_dict()


def bind_field(
    name: str, value: object, clear: Sequence[str] = (), start: str = "default", among: Sequence | None = None
) -> dict[str, object]:
    """Return arguments that bind a widget to the field `name` of the view; a choice empties the fields `clear`."""
    return bind_widget(name, value, lambda chosen: change(**dict.fromkeys(clear, ""), **{name: chosen}), start, among)


def bind_widget(
    name: str,
    value: object,
    chosen: Callable[[Any], None],
    start: str = "default",
    among: Sequence | None = None,
) -> dict[str, object]:
    """Return arguments by which the widget `name` shows `value`, and calls `chosen` with another that is chosen.

    The value goes into the argument `start`; `index` is its place among the options. A widget with options names them
    in `among`. They are part of its identity: where they differ it is another widget, and a choice that the browser
    made among the old ones is not heard. A value that is none of them leaves the widget without a choice.
    """
    taken = st.session_state.setdefault(TAKEN, {})
    title = name if among is None else f"{name} among {hash(tuple(map(str, among)))}"
    key = f"choice of {title} {taken.setdefault(title, 0)}"
    if key in st.session_state and st.session_state[key] != value:
        taken[title] += 1
        key = f"choice of {title} {taken[title]}"

    def changed() -> None:
        picked = st.session_state[key]
        if key == f"choice of {title} {taken[title]}" and (among is None or picked in among):
            chosen(picked)

    offered = among is None or value in among
    begin = among.index(value) if start == "index" and among and offered else value
    return {"key": key, "on_change": changed, start: begin if offered else None}


def last_mode_and_seed() -> tuple[str, str]:
    """Return mode and seed that were looked at last: another prompt is shown in the same ones if it has them."""
    return st.session_state.get(LOOKED_AT, (MODES[0], ""))


def remember_mode_and_seed(mode: str, seed: str) -> None:
    """Keep mode and seed for the next prompt."""
    st.session_state[LOOKED_AT] = mode, seed
