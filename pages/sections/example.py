"""A worked example on one image of the demo store: the maps, and how the totals add up."""

import streamlit as st

from pages.address import ExplorerView, View
from pages.data import decompositions, results
from pages.data.selection import view_of
from pages.figures import maps as maps_figure
from pages.figures.quantities import QUANTITIES, rounded
from pages.widgets import exports, notices
from store import settings
from store.catalogue import Filter
from store.errors import StoreError
from store.pid.measures import DEFAULT

PROMPT, WORDS, SEED = "a female nurse", ("female", "nurse"), 0
SHOWN = ("first", "second", "redundancy", "unique_first", "unique_second", "synergy")


def draw(view: View) -> None:
    """Draw the example; nothing where the demo store is not there."""
    root = settings.DEMO_STORE
    listing = results.Listing(root)
    entries = listing.page(Filter(prompt=PROMPT, pair="+".join(WORDS), mode="pid"), limit=20)
    entry = next((each for each in entries if each.key.guidance == 1.0), None)
    if entry is None:
        return
    try:
        record = results.record(entry.path, entry.pair)
    except StoreError as error:
        st.error(notices.plain(str(error)))
        return
    pair, _ = decompositions.under(record.pairs[0], DEFAULT)
    index = list(pair.seeds).index(SEED)
    asked = ExplorerView(model=entry.key.model, mode="pid", seed=str(SEED), measure=DEFAULT)
    layers = decompositions.layers(entry.path, pair, asked, index)
    parts = decompositions.decomposition(entry.path, pair, "pid", "pixel")
    value = {name: float(QUANTITIES[name].of(parts).total[index]) for name in (*SHOWN, "both")}
    said = {name: rounded(number, 2) for name, number in value.items()}
    left, right = st.columns([8, 5], gap="large")
    with left:
        shown = [layers[name] for name in SHOWN]
        figure = maps_figure.strip(shown, record.images_of(pair)[index], 0.6, groups=(2, 4), height=190)
        about = f"Image of {PROMPT}, seed {SEED}, under the maps of both words and of the four parts"
        exports.figure("example-figure", figure, key="example", alt=about)
        information = pair.information["pid"]
        curve = maps_figure.curve(information.log_snr, information.curve[index], WORDS, "nats", None)
        about = "Information of each word and of both at each noise level, of the same image"
        exports.figure("example-curve", curve, key="example curve", alt=about)
    with right:
        st.markdown(
            f"An image of *{PROMPT}* that the embedded model drew. *female* alone brings I1 = {said['first']} nats, "
            f"*nurse* alone I2 = {said['second']}, both together I12 = {said['both']}.\n\n"
            f"R = {said['redundancy']} of that is said by both words (under {DEFAULT}). The rest follows:\n\n"
            f"- U1 = I1 \u2212 R = {said['first']} \u2212 {said['redundancy']} = {said['unique_first']}, what only "
            "*female* says\n"
            f"- U2 = I2 \u2212 R = {said['second']} \u2212 {said['redundancy']} = {said['unique_second']}, what only "
            "*nurse* says\n"
            f"- S = I12 \u2212 R \u2212 U1 \u2212 U2 = {said['synergy']}, what only both together say\n\n"
            "Each map shows where: its pixels add up to its total, but for rounding. The curve shows at which noise "
            "level: at high noise words decide what is drawn, at low noise they hardly matter."
        )
        link = view_of(entry, ExplorerView(store="demo", model=entry.key.model, unit=view.unit))
        st.page_link(
            "explorer.py",
            label="Open it in the Explorer",
            icon=":material/arrow_forward:",
            query_params={**link.parameters, "seed": str(SEED)},
        )
