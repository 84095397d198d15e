"""Image and map of one prompt on both sides, on one colour scale."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from pages.address import CompareView
from pages.data import results
from pages.figures.gallery import Panel, gallery
from pages.figures.quantities import QUANTITIES, factor
from pages.sections.comparison.sides import ResultSide
from pages.widgets import exports, notices
from store.catalogue import Filter

PLACE, SIDE = "both-images", 210


def draw(
    view: CompareView, listing: results.Listing, wanted: Filter, sides: tuple[ResultSide, ResultSide], title: str
) -> list[exports.ExportFigure]:
    """Draw what `wanted` means on both sides, of the seed of `view`; `title` names it. Gives back the figure."""
    shown = [(side, read) for side in sides if (read := side.read(view, listing, wanted)) is not None]
    if not shown:
        st.caption("Nothing can be read of this row.")
        return []
    quantity = QUANTITIES[view.quantity]
    limit = max(each.limit(view, (quantity.name,)) for _, each in shown) * factor(view.unit)
    panels, totals = [], []
    for side, each in shown:
        index = each.index(view.seed)
        if index is None:
            st.caption(notices.plain(f"{side.name} has no image of seed {view.seed}."))
            continue
        under = replace(view, mode=side.mode)
        (layer,) = each.layers(under, index, (quantity.name,), limit)
        total = each.total(side.mode, quantity.name, under)
        totals.append({"side": side.name, "total": total})
        over = f"{quantity.symbol} {total}, {side.measure}, {side.mode.upper()}"
        panels += [Panel(side.run, each.image(index)), Panel(over, each.image(index), layer)]
    if not panels:
        return []
    figure = gallery(panels, len(panels), SIDE, view.opacity / 100)
    title = f"{title}, seed {view.seed}"
    exports.figure(PLACE, figure, key=f"{PLACE} {title}", alt=f"Image and map of {title} on both sides")
    return [exports.ExportFigure(PLACE, title, figure, pd.DataFrame(totals))]
