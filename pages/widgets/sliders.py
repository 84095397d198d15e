"""The sliders of every page with maps over images: how a map is laid over its image, and from which noise levels."""

from collections.abc import Mapping

import streamlit as st

from pages import address
from pages.address import ALL_LEVELS, View
from pages.data import glossary


def draw(view: View, bands: Mapping[str, str] | None = None) -> None:
    """Opacity and threshold, and beside them `noise_levels` if there are several `bands`."""
    several = len(bands or {}) > 1
    places = st.columns(3 if several else 2, gap="medium")
    places[0].slider(
        "Opacity of the map",
        0,
        100,
        step=5,
        format="%d%%",
        **address.bind_field("opacity", view.opacity, start="value"),
    )
    places[1].slider(
        "Threshold",
        0,
        100,
        step=5,
        format="%d%%",
        help=glossary.explained("Values below this share of the colour scale are left out.", "opacity-threshold"),
        **address.bind_field("threshold", view.threshold, start="value"),
    )
    if several:
        with places[2]:
            noise_levels(view, bands)


def noise_levels(view: View, bands: Mapping[str, str]) -> None:
    """Which of `bands`, as `derived.bands` names them, the maps show."""
    st.select_slider(
        "Noise levels, in log SNR",
        list(bands),
        format_func=bands.get,
        help=glossary.explained(
            "Left: almost only noise. Right: almost clean. Totals stay those of all levels.", "noise-level"
        ),
        **address.bind_field("band", view.band, start="value", among=list(bands)),
    )


def said(view: View) -> str:
    """What maps of some noise levels leave out; empty where they are of all."""
    if view.band == ALL_LEVELS:
        return ""
    return (
        " Maps show the chosen noise levels only, and parts are formed from these. There are no maps of CMI and "
        "attention by level. Totals stay those of all levels."
    )
