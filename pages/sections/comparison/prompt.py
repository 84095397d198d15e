"""Two results of one prompt beside each other: all quantities of a pair of words, and its maps on one scale."""

from dataclasses import replace

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages import address
from pages.address import CompareView
from pages.data import results
from pages.data.pairs import PairMaps
from pages.data.shell_commands import pair_label
from pages.figures.quantities import QUANTITIES
from pages.sections.comparison import differences, images, sides
from pages.sections.comparison.sides import ResultSide
from pages.widgets import exports, notices, take_along
from store.catalogue import Filter
from store.errors import DiffusionPIDError
from store.notes import key_of_view
from store.records import MODES

PAGE = "compare"
OFFERED, PAIRS = 200, 3000  # prompts, and pairs of one
SYMBOLS = {quantity.symbol: name for name, quantity in QUANTITIES.items()}
UNPAIRED = "Both sides have no seed in common: their means over other seeds are compared."


def draw(view: CompareView, listing: results.Listing, place: DeltaGenerator) -> None:
    """Draw the prompt that `view` names, or the newest; the choice of it in `place`."""
    prompts = listing.values("prompt", Filter(), OFFERED)
    if not prompts:
        notices.empty(view, listing.root)
        return
    prompt = view.prompt if view.prompt and listing.count(Filter(prompt=view.prompt)) else prompts[0]
    pairs = listing.values("pair", Filter(prompt=prompt), PAIRS)
    wanted = Filter(prompt=prompt, pair=view.pair if view.pair in pairs else pairs[0])
    there = sides.of_prompt(listing, wanted.prompt, wanted.pair)
    modes = [mode for mode in MODES if listing.count(replace(wanted, mode=mode))]
    view, both = sides.settled(replace(view, prompt=wanted.prompt, pair=wanted.pair), there, modes, "redundancy")
    read = [side.read(view, listing, wanted) for side in both]
    shared = [str(seed) for seed in _seeds(read[0]) if seed in _seeds(read[1])]
    seeds = shared or [str(seed) for one in read for seed in _seeds(one)]
    view = replace(view, seed=view.seed if view.seed in seeds or not seeds else seeds[0])
    address.show(view)
    with place:
        _choices(view, list(dict.fromkeys([prompt, *prompts])), pairs)
    sides.choices(view, list(there), modes)
    missing = [side.name for side, one in zip(both, read, strict=True) if one is None]
    if missing:
        st.info(notices.plain(f"Nothing is there of this pair in {' and '.join(missing)}."))
        return
    try:
        table = _table([_values(one, side) for one, side in zip(read, both, strict=True) if one], bool(shared))
    except DiffusionPIDError as error:
        st.error(notices.plain(str(error)))
        return
    said = differences.answer(view, table, "quantities")
    seed, _ = st.columns([6, 5])
    seed.segmented_control("Seed", seeds, required=True, **address.bind_field("seed", view.seed, among=seeds))
    figures = images.draw(view, listing, wanted, both, pair_label(prompt, view.pair))
    drawn, printed = differences.draw(
        view,
        table,
        both,
        QUANTITIES[view.quantity].symbol,
        lambda row: address.change(quantity=SYMBOLS[row]),
        "" if shared else UNPAIRED,
    )
    about = f"{both[0].name} against {both[1].name}. {said}"
    content = {"prompt": view.prompt, "pair": view.pair, "one": both[0].name, "other": both[1].name}
    name = f"{prompt}, {pair_label(prompt, view.pair)}, {both[0].run} and {both[1].run}"
    exported = exports.ExportTable("Paired differences", table, printed, [])
    take_along.draw(PAGE, view, listing.root, key_of_view(PAGE, **content), name, about, exported, [*figures, drawn])


def _choices(view: CompareView, prompts: list[str], pairs: list[str]) -> None:
    prompt, pair = st.columns([3, 2], vertical_alignment="bottom")
    row = ["one", "other", "mode", "other_mode", "seed"]
    prompt.selectbox(
        "Prompt",
        prompts,
        help=f"The newest {OFFERED}. Others open from the Explorer.",
        **address.bind_field("prompt", view.prompt, ["pair", *row], start="index", among=prompts),
    )
    pair.selectbox(
        "Pair of words",
        pairs,
        format_func=lambda pair: pair_label(view.prompt, pair),
        **address.bind_field("pair", view.pair, row, start="index", among=pairs),
    )


def _seeds(read: PairMaps | None) -> list[int]:
    return list(read.pair.seeds) if read else []


def _values(read: PairMaps, side: ResultSide) -> pd.DataFrame:
    """The totals of each quantity, a row, in each image, a column, in nats."""
    parts = read.parts(side.mode)
    rows = {quantity.symbol: quantity.of(parts).total for quantity in QUANTITIES.values()}
    return pd.DataFrame(rows, index=list(read.pair.seeds)).T.rename_axis("quantity")


def _table(values: list[pd.DataFrame], are_paired: bool) -> pd.DataFrame:
    """`paired` of both; without a seed in common of their means."""
    from store.tables.findings.compare import paired  # scipy takes a second to import

    table = paired(*(values if are_paired else [each.mean(axis=1).to_frame("mean") for each in values]))
    table.attrs |= {"values": "mean over seeds", "rank": float("nan")}  # quantities have no order
    return table
