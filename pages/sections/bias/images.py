"""The images behind a row of a bias table, seed by seed and attribute by attribute, on one colour scale."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages import address
from pages.address import View
from pages.data import decompositions, recognised, results
from pages.data.selection import view_of
from pages.figures.gallery import PANELS, Panel, gallery
from pages.figures.maps import Layer, Scale, common_limit
from pages.figures.quantities import MODE_NAMES, QUANTITIES, WITHIN_ERROR, factor, written
from pages.widgets import exports, notices
from store.catalogue import Entry
from store.errors import StoreError
from store.records import PairResult

ALL = "all"
FAILED = " \u2717"  # after the title of an image that is not what its prompt asks for
SMALL, LARGE = 140, 270  # pixels of a panel's side
WIDTH = 580  # pixels of all panels


@dataclass(frozen=True)
class AttributeImages:
    """What was measured for one attribute."""

    attribute: str
    entry: Entry
    pair: PairResult  # under the measure shown
    images: np.ndarray  # uint8 (S, H, W, 3)

    def panels(self, view: View, seed: int, scale: Scale) -> tuple[Panel, Panel]:
        """The image of `seed`, and the same under its map."""
        quantity, index = QUANTITIES[view.quantity], self.pair.seeds.index(seed)
        maps = quantity.of(decompositions.decomposition(self.entry.path, self.pair, view.mode, "pixel"))
        totals = quantity.of(decompositions.decomposition(self.entry.path, self.pair, view.mode, _level(view)))
        step, title = factor(view.unit), quantity.title(self.pair.pair.words)
        text = written(float(totals.total[index]) * step, float(totals.total_se[index]) * step)
        layer = Layer(title, maps.map[index] * step, scale, maps.map_se[index] * step)
        image = self.images[index]
        return Panel(f"{self.attribute}{FAILED}" if self.failure(seed) else self.attribute, image), Panel(
            f"{quantity.symbol} {text}", image, layer
        )

    def failure(self, seed: int) -> str:
        """What the image shows where it is not what its prompt asks for; else empty."""
        key = self.entry.key
        told = recognised.of_file(self.entry.path, key.prompt, key.model).get(seed)
        return told[0].label if told and told[1] is False else ""


def draw(view: View, study: str, entries: dict[str, Entry]) -> dict[str, go.Figure]:
    """Draw the images of the subject of `view` in `study`, all seeds or the one that it names.

    `entries` holds what is there of each attribute. What is drawn is given back, by heading.
    """
    behind = list(filter(None, (_read(view, attribute, entry) for attribute, entry in entries.items())))
    if not behind:
        return {}
    seeds = sorted({seed for each in behind for seed in each.pair.seeds})
    view = replace(view, quantity=view.quantity if view.quantity in QUANTITIES else "redundancy")
    chosen = view.seed if view.seed in map(str, seeds) else ALL
    if view.seed and chosen == ALL:
        st.info(notices.plain(f"There are no images of seed {view.seed}. All others are shown."))
    _choices(view, seeds, chosen)
    scale = _scale(view, behind)
    shown = seeds if chosen == ALL else [int(chosen)]
    drawn = {f"Seed {seed}": _seed(view, study, behind, seed, scale, large=chosen != ALL) for seed in shown}
    st.slider(
        "Opacity of the maps",
        0,
        100,
        step=5,
        format="%d%%",
        **address.bind_field("opacity", view.opacity, start="value"),
    )
    quantity, measure = QUANTITIES[view.quantity], behind[0].pair.measure
    attributes = "' or '".join(each.attribute for each in behind)  # within the quotes of the sentence
    words = tuple(attributes if word == behind[0].attribute else word for word in behind[0].pair.pair.words)
    st.caption(
        notices.plain(
            f"{quantity.explain(words, measure)} Maps are in {view.unit} per latent pixel, all on one colour scale. "
            f"Values beside {quantity.symbol} are totals of {_level(view)} level under {measure}, \u00b1 their "
            f"standard error. {WITHIN_ERROR}"
        )
    )
    return drawn


def _read(view: View, attribute: str, entry: Entry) -> AttributeImages | None:
    """What is in the file of `entry`; where it cannot be read, that is said."""
    try:
        record = results.record(entry.path, entry.pair)
    except StoreError as error:
        st.error(notices.plain(str(error)))
        return None
    pair, notes = decompositions.under(record.pairs[0], view.measure)
    for note in notes:
        st.info(notices.plain(note))
    return AttributeImages(attribute, entry, pair, record.images_of(pair))


def _level(view: View) -> str:
    """That of `view`, where it tells something of single images."""
    return view.level if view.level != "prompt" else "pixel"


def _choices(view: View, seeds: list[int], chosen: str) -> None:
    offered = [ALL, *map(str, seeds)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Seed",
            offered,
            required=True,
            **address.bind_widget("seed", chosen, _show_seed, among=offered),
        )
        st.selectbox(
            "Map over the image",
            list(QUANTITIES),
            format_func=lambda name: f"{QUANTITIES[name].symbol}: {QUANTITIES[name].title(('1st word', '2nd word'))}",
            width=230,
            **address.bind_field("quantity", view.quantity, start="index", among=list(QUANTITIES)),
        )


def _show_seed(chosen: str) -> None:
    address.change(seed="" if chosen == ALL else chosen)


def _scale(view: View, behind: list[AttributeImages]) -> Scale:
    """One scale for all attributes and seeds."""
    quantity = QUANTITIES[view.quantity]
    maps = [
        quantity.of(decompositions.decomposition(each.entry.path, each.pair, view.mode, "pixel")).map for each in behind
    ]
    pair = behind[0].pair
    return Scale(common_limit(maps) * factor(view.unit), view.unit, quantity.signed(pair.measure, pair.estimator))


def _seed(view: View, study: str, behind: list[AttributeImages], seed: int, scale: Scale, large: bool) -> go.Figure:
    there = [each for each in behind if seed in each.pair.seeds]
    pairs = [each.panels(view, seed, scale) for each in there]
    panels, across = _arranged(pairs, same=len({each.entry.path for each in there}) == 1, large=large)
    figure = gallery(panels, across, min(LARGE, WIDTH // across) if large else SMALL, view.opacity / 100)
    key, title = f"images-{seed}", f"{view.subject}, seed {seed}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.text(f"Seed {seed}", width="stretch")
        for each in there:
            link = replace(view_of(each.entry, view), seed=str(seed))
            st.page_link(
                "explorer.py",
                label=notices.plain(each.attribute),
                icon=":material/arrow_forward:",
                help="Opens it in the Explorer",
                query_params=link.parameters,
            )
        about = f"{QUANTITIES[view.quantity].symbol} in {view.unit}, {view.measure}, {MODE_NAMES[view.mode]}"
        settings = {"model": view.model, "guidance": there[0].entry.key.guidance, "measure": there[0].pair.measure}
        settings |= {"study": study, "mode": view.mode, "level": "pixel", "quantity": view.quantity}
        data = exports.under(_data(there, panels), **settings)
        exports.menu("images and maps", about, [], [exports.ExportFigure(key, title, figure, data)])
    said = ", ".join(f"{image.title} with {over.title}" for image, over in pairs)
    exports.figure(key, figure, alt=f"Images of {title}: {said}")
    if wrong := [f"{each.attribute}: {each.failure(seed)}" for each in there if each.failure(seed)]:
        st.caption(notices.plain(f"\u2717 Not what the prompt asks for. {', '.join(wrong)}."))
    return figure


def _arranged(pairs: list[tuple[Panel, Panel]], same: bool, large: bool) -> tuple[list[Panel], int]:
    """The panels of one seed and how many stand in a row: images above their maps, or beside them where they fit.

    Where all maps are about the `same` image, that comes once.
    """
    if same and len(pairs) > 1:
        image = replace(pairs[0][0], title="image" + FAILED * pairs[0][0].title.endswith(FAILED))
        maps = [replace(over, title=f"{one.title.removesuffix(FAILED)}: {over.title}") for one, over in pairs]
        return [image, *maps], len(maps) + 1
    if len(pairs) * 2 <= PANELS and not large:
        return [panel for pair in pairs for panel in pair], PANELS
    return [panel for row in zip(*pairs, strict=True) for panel in row], len(pairs)


def _data(behind: list[AttributeImages], panels: list[Panel]) -> pd.DataFrame:
    """The maps of `panels`, a row a pixel."""
    frames = []
    for each, layer in zip(behind, (panel.layer for panel in panels if panel.layer), strict=True):
        rows, columns = np.indices(layer.values.shape).reshape(2, -1)
        where = {"attribute": each.attribute, "row": rows, "column": columns}
        frames.append(pd.DataFrame({**where, layer.scale.unit: layer.values.ravel(), "error": layer.errors.ravel()}))
    return pd.concat(frames, ignore_index=True)
