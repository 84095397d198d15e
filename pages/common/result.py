"""One pair of one prompt, drawn: the overlay, the seeds, the totals, the strip of maps and the noise levels."""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import streamlit as st

from pages.common import derived, figures, notices, reading, state, totals
from pages.common.quantities import MAPS, MODE_MEANING, MODE_NAMES, factor
from pages.common.state import ALL, View
from store import trust
from store.information import InformationMaps
from store.measures import STANDARD
from store.records import PairResult, RunRecord

CONFIG = {"displayModeBar": False}
THUMBNAIL = 76  # pixels
MANY = 12  # seeds from which on their images scroll
SCROLLED = 250  # pixels


@dataclass(frozen=True)
class _Shown:
    """What of a record is on screen."""

    view: View  # its band and quantity are among those that there are
    pair: PairResult  # under the measure and estimator shown
    words: tuple[str, str]
    index: int  # of the seed within the pair
    layers: dict[str, figures.Layer]
    bands: dict[str, str]  # the choices of noise levels

    @property
    def levels(self) -> str:
        """The noise levels shown, to be added to a heading."""
        return "" if self.view.band == ALL else f", log SNR {self.bands[self.view.band]}"


def draw(view: View, path: Path, record: RunRecord, pair: PairResult) -> None:
    """Draw `pair` of `record`, read from `path`, for the seed and mode of `view`, which must be there."""
    pair, notes = derived.under(pair, view.measure)
    shown = _shown(view, path, pair)
    left, right = st.columns([5, 7], gap="medium")
    with left:
        _overlay(shown, record.images_of(pair)[shown.index])
    with right:
        _seeds(shown, dict(zip(record.seeds, reading.thumbnails(path), strict=True)))
        for note in notes:
            st.info(notices.plain(note))
        totals.draw(view, path, record.key, pair, shown.index)
    _strip(shown)
    left, right = st.columns([7, 5], gap="medium")
    with left:
        _curve(shown)
    with right:
        _provenance(shown, record)


def _shown(view: View, path: Path, pair: PairResult) -> _Shown:
    bands = derived.bands(pair, view.mode)
    view = replace(view, band=view.band if view.band in bands else ALL)
    index = pair.seeds.index(int(view.seed))
    layers = derived.layers(path, pair, view, index)
    view = replace(view, quantity=view.quantity if view.quantity in layers else next(iter(layers)))
    return _Shown(view, pair, pair.pair.words, index, layers, bands)


def _overlay(shown: _Shown, image) -> None:
    view = shown.view
    st.pills(
        "Map over the image",
        list(shown.layers),
        format_func=lambda name: MAPS[name].symbol,
        required=True,
        wrap=True,
        **state.bound("quantity", view.quantity),
    )
    layer = shown.layers[view.quantity]
    about = f"Map of the quantity {layer.title} over the image of seed {view.seed} of the prompt {view.prompt}"
    figure = figures.overlay(image, layer, view.opacity / 100)
    st.plotly_chart(figure, config=CONFIG, key="overlay", alt=about + shown.levels)
    st.slider("Opacity of the map", 0, 100, step=5, format="%d %%", **state.bound("opacity", view.opacity))
    if len(shown.bands) > 1:
        _noise_levels(shown)


def _noise_levels(shown: _Shown) -> None:
    st.select_slider(
        "Noise levels, in log SNR",
        list(shown.bands),
        format_func=shown.bands.get,
        help="Left: almost only noise. Right: almost clean.",
        **state.bound("band", shown.view.band),
    )
    said = ["Maps show only what the words say between these noise levels; totals stay those of all levels."]
    if shown.view.band != ALL:
        said.append("R, U1, U2 and S are formed here from the maps of these levels alone.")
        said.append("CMI and attention are not kept by level.")
        said += ["Maps by level are orthogonal ones."] if shown.pair.estimator == STANDARD else []
    st.caption(" ".join(said))


def _seeds(shown: _Shown, pictures: dict[int, str]) -> None:
    """The images, one a seed, each with the button that shows it."""
    quantity, measure = MAPS[shown.view.quantity], shown.pair.measure
    with st.container(horizontal=True, wrap=False):
        title = f"{quantity.symbol}: {quantity.title(shown.words)}. {quantity.explain(shown.words, measure)}"
        st.text(title, width="stretch")
        with st.popover(f"More about {quantity.symbol}"):
            st.markdown(quantity.more(measure))
    many = len(shown.pair.seeds) > MANY
    with st.container(horizontal=True, gap="small", height=SCROLLED if many else "content", border=False):
        for seed in shown.pair.seeds:
            with st.container(width=THUMBNAIL, gap="xxsmall"):
                st.image(pictures[seed], width=THUMBNAIL, alt=f"Image of seed {seed}")
                st.button(
                    f"Seed {seed}",
                    type="primary" if str(seed) == shown.view.seed else "secondary",
                    width="stretch",
                    on_click=state.change,
                    kwargs={"seed": str(seed)},
                )


def _strip(shown: _Shown) -> None:
    view, layers = shown.view, list(shown.layers.values())
    st.subheader(f"All maps of seed {view.seed}, {MODE_NAMES[view.mode]}{shown.levels}", anchor=False)
    about = f"Maps side by side: {', '.join(layer.title for layer in layers)}"
    st.plotly_chart(figures.strip(layers), config=CONFIG, key="strip", alt=about)
    limit = layers[0].scale.limit
    every = "all seeds and maps" if view.band == ALL else "all seeds and maps of the strongest band"
    said = (
        f"{MODE_MEANING[view.mode]} One colour scale for all information, here and in the overlay"
        f"{'' if view.band == ALL else ', at all bands of noise levels'}. It ends at {limit:.3g} {view.unit}: "
        f"{figures.ROBUST} % of the pixels of {every} lie below; larger values are drawn in the last colour. Values "
        "are per latent pixel."
    )
    if "attention_first" in shown.layers:
        said += " Attention is no information: it has a scale of its own."
    st.caption(said)


def _curve(shown: _Shown) -> None:
    view, information = shown.view, shown.pair.information[shown.view.mode]
    st.subheader("At which noise level the information appears", anchor=False)
    values = information.curve[shown.index] * factor(view.unit)
    edges = information.band_edges
    band = None if view.band == ALL else (float(edges[int(view.band)]), float(edges[int(view.band) + 1]))
    about = f"Information of each word and of both per unit of log SNR, seed {view.seed}"
    figure = figures.curve(information.log_snr, values, shown.words, view.unit, band)
    st.plotly_chart(figure, config=CONFIG, key="curve", alt=about)


def _provenance(shown: _Shown, record: RunRecord) -> None:
    """How the numbers came about."""
    key, pair = record.key, shown.pair
    fewest, most = min(pair.noises), max(pair.noises)
    noises = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    facts = {
        "Model": f"{key.model}, revision {key.revision}" if key.revision else key.model,
        "Image": f"uploaded, {key.image[:12]}" if key.image else f"generated, guidance {key.guidance:g}",
        "Estimator": f"{pair.estimator}, {noises} noises an image",
        "Redundancy": pair.measure,
        "Noise levels": _levels(pair.information[shown.view.mode]),
        "Maps": "{} x {} latent pixels, image {} x {}".format(
            *next(iter(shown.layers.values())).values.shape, *record.images.shape[1:3]
        ),
        "Computed": record.provenance.created[:16].replace("T", " ") + f" UTC, {record.provenance.software}",
    }
    st.subheader("How it was computed", anchor=False)
    cells = [notices.plain(text) for text in facts.values()]
    st.table(pd.DataFrame({"": cells}, index=list(facts)), border="horizontal", hide_header=True)


def _levels(information: InformationMaps) -> str:
    """The range measured, and how much of the information of both words lies at its ends and below it."""
    low, high = trust.edge_shares(information)
    edges = information.band_edges if len(information.band_edges) else information.log_snr
    return (
        f"log SNR {edges[0]:.1f} to {edges[-1]:.1f}; I12: {low:.1%} in the noisiest band, {high:.1%} in the cleanest, "
        f"about {trust.tail_share(information):.1%} more below"
    ).replace("SNR -", "SNR \u2212")
