"""A rectangle of the image, drawn on it or set by its edges: what is summed over it stands in the table of totals."""

from collections.abc import Sequence

import streamlit as st

from pages import address
from pages.address import View
from pages.data import glossary
from store.records import Region, RunRecord

CHART = "overlay"  # the key of the chart on which it is drawn


def corners(view: View) -> tuple[int, ...]:
    """Left, top, right, bottom in pixels of the image; empty where the whole of it is meant."""
    return tuple(map(int, view.region.split(","))) if view.region else ()


def cells(view: View, record: RunRecord) -> Region | None:
    """The latent pixels of the region of `view`; None where there are none, or the whole image is meant."""
    ends = corners(view)
    found = record.region(*ends) if ends else None
    return found if found and all(side.start < side.stop for side in found) else None


def drawn() -> None:
    """Take the rectangle that was drawn on the chart, if there is one: for the chart to call."""
    boxes = st.session_state[CHART]["selection"]["box"]
    if boxes:
        columns, rows = (sorted(max(0, round(end + 0.5)) for end in boxes[-1][axis]) for axis in "xy")
        _show(columns, rows)


def choices(view: View, record: RunRecord) -> None:
    """The same by keyboard, and back to the whole image."""
    height, width = record.images.shape[1:3]
    ends = corners(view) or (0, 0, width, height)
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover(
            "Region", icon=":material/crop:", help=glossary.explained("Or draw a rectangle on the image.", "region")
        ):
            columns, rows = (
                tuple(min(end, size) for end in ends[place::2]) for place, size in enumerate((width, height))
            )
            across = address.bind_widget(f"columns of {width}", columns, lambda chosen: _show(chosen, rows), "value")
            down = address.bind_widget(f"rows of {height}", rows, lambda chosen: _show(columns, chosen), "value")
            st.slider("Columns of pixels", 0, width, **across)
            st.slider("Rows of pixels", 0, height, **down)
        if view.region:
            st.button("Whole image", on_click=address.change, kwargs={"region": ""})
            st.caption(_said(view, record))
        else:
            st.caption("Draw a rectangle on the image: totals are then sums over it.")


def _said(view: View, record: RunRecord) -> str:
    region, (height, width) = cells(view, record), record.latents.shape[2:]
    if region is None:
        return "This region holds no centre of a latent pixel. The totals are those of the whole image."
    count = (region[0].stop - region[0].start) * (region[1].stop - region[1].start)
    return (
        f"The totals are sums over {count} of {height * width} latent pixels ({100 * count / (height * width):.0f}%)."
    )


def _show(columns: Sequence[int], rows: Sequence[int]) -> None:
    address.change(region=",".join(map(str, (columns[0], rows[0], columns[1], rows[1]))))
