"""A long list, some rows at a time: which of them, and the buttons to the others."""

from typing import NamedTuple

import streamlit as st

from pages import address
from pages.address import View


class PageOfRows(NamedTuple):
    """The rows [first, stop) of `number`; `page` counts from 1."""

    page: int
    last: int
    first: int
    stop: int
    number: int


def part(view: View, number: int, rows: int) -> PageOfRows:
    """The part of `number` rows, at least one, that `view` asks for, `rows` at a time."""
    last = -(-number // rows)
    page = min(max(1, int(view.page or 1)), last)
    first = (page - 1) * rows
    return PageOfRows(page=page, last=last, first=first, stop=min(first + rows, number), number=number)


def buttons(shown: PageOfRows) -> None:
    """The way to what is before and after, where there is more than one page."""
    if shown.last == 1:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, other, icon in (("Previous", shown.page - 1, "back"), ("Next", shown.page + 1, "forward")):
            st.button(
                label,
                icon=f":material/arrow_{icon}:",
                icon_position="right" if icon == "forward" else "left",
                disabled=not 1 <= other <= shown.last,
                on_click=address.change,
                kwargs={"page": str(other) if other > 1 else ""},
            )
        st.text(f"{shown.first + 1:,}\u2013{shown.stop:,} of {shown.number:,}")
