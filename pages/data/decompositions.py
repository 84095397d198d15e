"""What follows from a record, as the view asks for it: parts under a measure, at a level, in a band of noise levels.

It is arithmetic on stored maps, kept while the file stays as it is, so that only a first look waits for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from pages.address import ALL_LEVELS, View
from pages.data import results
from pages.figures import maps as maps_figure
from pages.figures.quantities import BASELINES, QUANTITIES, factor
from store.pid.decomposition import PARTS, Decomposition, decompose
from store.pid.information import BANDED
from store.pid.measures import DEFAULT, MEASURES, ORTHOGONAL
from store.records import PairResult, Region

KEPT = 48  # decompositions: of large maps each takes some megabytes
SHARES = {"attention": "of attention", "similarity": "of likeness"}
BY_BAND = [name for name in QUANTITIES if name in (*PARTS, *BANDED)]


def under(pair: PairResult, measure: str) -> tuple[PairResult, list[str]]:
    """`pair` to be shown under `measure`, or as near to it as it allows, and what had to differ."""
    notes, chosen, estimator = [], MEASURES[measure], pair.estimator
    if chosen.needs_surprisals and pair.surprisals is None:
        notes.append(f"{measure} needs the surprisal of each word, which this pair lacks: {DEFAULT} is shown.")
        chosen = MEASURES[DEFAULT]
    if estimator not in chosen.estimators:
        notes.append(f"{chosen.name} is refused on {estimator} maps ({chosen.refusal}): orthogonal maps are shown.")
        estimator = ORTHOGONAL
    return replace(pair, measure=chosen.name, estimator=estimator), notes


def bands(pair: PairResult, mode: str) -> dict[str, str]:
    """The choices of noise levels, each with its range of log SNR: all, then from the noisiest."""
    edges = [f"{edge:.1f}".replace("-", "\u2212") for edge in pair.information[mode].band_edges]
    ranges = zip(edges, edges[1:], strict=False)
    return {ALL_LEVELS: "all levels"} | {str(band): f"{low} to {high}" for band, (low, high) in enumerate(ranges)}


def decomposition(path: Path, pair: PairResult, mode: str, level: str, region: Region | None = None) -> Decomposition:
    """The parts of `pair`, read from `path`, in `mode` at `level`, of the whole image or a region."""
    part = f"{level} {region or ''}"
    return _kept(_identity(path, pair, mode), part, lambda: pair.decomposition(mode, level=level, region=region))


def in_band(path: Path, pair: PairResult, mode: str, band: str) -> Decomposition:
    """The parts that the maps of one band have: of orthogonal ones, as no others are kept by band."""

    def derive() -> Decomposition:
        return decompose(pair.information[mode].in_band(int(band)), pair.measure, surprisals=pair.surprisals)

    return _kept(_identity(path, pair, mode), f"band {band}", derive)


def layers(path: Path, pair: PairResult, view: View, index: int) -> dict[str, maps_figure.Layer]:
    """The maps that can be drawn of the image `index` of `pair`, read from `path`, in mode and band of `view`."""
    whole, words = view.band == ALL_LEVELS, pair.pair.words
    parts = decomposition(path, pair, view.mode, "pixel") if whole else in_band(path, pair, view.mode, view.band)
    told = whole and pair.information[view.mode].maps.count > 1  # what the errors are
    scale, drawn = factor(view.unit), {}
    limit = limit_of(path, pair, whole) * scale
    for name in QUANTITIES if whole else BY_BAND:
        quantity, estimate = QUANTITIES[name], QUANTITIES[name].of(parts)
        colours = maps_figure.Scale(limit, view.unit, quantity.signed(parts.measure, parts.estimator))
        errors = estimate.map_se[index] * scale if told else None
        drawn[name] = maps_figure.Layer(quantity.title(words), estimate.map[index] * scale, colours, errors)
    for kind, maps in pair.baselines.items() if whole else ():
        limit = maps_figure.common_limit([maps])
        colours = maps_figure.Scale(limit, SHARES[kind], sequential=maps_figure.OTHER)
        for word, end in enumerate(("first", "second")):
            name = f"{kind}_{end}"
            drawn[name] = maps_figure.Layer(BASELINES[name].title(words), maps[index, word], colours)
    return drawn


def limit_of(path: Path, pair: PairResult, whole: bool, names: Sequence[str] = tuple(QUANTITIES)) -> float:
    """Where the common colour scale of the maps `names` ends, in nats; if not `whole`, of those kept by band."""
    kept = tuple(name for name in names if whole or name in BY_BAND)
    return _limit(_identity(path, pair, ""), whole, kept, path, pair)


def _identity(path: Path, pair: PairResult, mode: str) -> tuple:
    return *results.stamp(path), pair.pair.name, pair.measure, pair.estimator, mode


@st.cache_data(max_entries=KEPT, show_spinner=False)
def _kept(identity: tuple, part: str, _derive: Callable[[], Decomposition]) -> Decomposition:
    return _derive()


@st.cache_data(max_entries=500, show_spinner=False)
def _limit(identity: tuple, whole: bool, names: tuple[str, ...], _path: Path, _pair: PairResult) -> float:
    """One for all images, modes and maps named of the whole range of noise levels, and one for those of all bands."""
    if whole:
        shown = [decomposition(_path, _pair, mode, "pixel") for mode in _pair.information]
    else:
        shown = [
            in_band(_path, _pair, mode, band)
            for mode in _pair.information
            for band in bands(_pair, mode)
            if band != ALL_LEVELS
        ]
    return max(maps_figure.common_limit([QUANTITIES[name].of(parts).map for name in names]) for parts in shown)
