"""One pair of one prompt, drawn: the overlay, the seeds, the totals, the strip of maps and the noise levels."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import streamlit as st

from pages import address
from pages.address import ALL_LEVELS, BOTH_MODES, View
from pages.data import decompositions, glossary, recognised, results
from pages.figures import maps as maps_figure
from pages.figures.quantities import MAPS, MODE_MEANING, MODE_NAMES, factor
from pages.widgets import exports, notices, region, sliders, totals
from pages.widgets.exports import ExportFigure, ExportTable
from store import warnings
from store.hdf5 import COARSEST
from store.pid.information import InformationMaps
from store.pid.measures import STANDARD
from store.records import PairResult, RunRecord, TokenPair

CONDENSED = (
    f"condensed: maps are rounded by at most {100 * COARSEST:.1f}% of the image's largest value, totals by a "
    "millionth; errors of single pixels are not kept"
)
THUMBNAIL = 76  # pixels
MANY = 12  # seeds from which on their images scroll
SCROLLED = 250  # pixels


@dataclass(frozen=True)
class ResultScreen:
    """What of a record is on screen."""

    view: View  # its band and quantity are among those that there are
    path: Path
    pair: PairResult  # under the measure and estimator shown
    words: tuple[str, str]
    index: int  # of the seed within the pair
    layers: dict[str, maps_figure.Layer]
    bands: dict[str, str]  # the choices of noise levels
    drawn: list[ExportFigure] = field(default_factory=list)
    table: ExportTable | None = None

    @property
    def levels(self) -> str:
        """The noise levels shown, to be added to a heading."""
        return "" if self.view.band == ALL_LEVELS else f", log SNR {self.bands[self.view.band]}"


def draw(view: View, path: Path, record: RunRecord, pair: PairResult) -> ResultScreen:
    """Draw the maps and totals of `pair` of `record`, read from `path`; gives what it drew and `details` needs.

    The seed and mode of `view` must be there.
    """
    pair, notes = decompositions.under(pair, view.measure)
    shown = _shown(view, path, pair)
    left, right = st.columns([5, 7], gap="medium")
    with left:
        shown.drawn.append(_overlay(shown, record))
    with right:
        _seeds(shown, bool(record.key.image), dict(zip(record.seeds, results.thumbnails(path), strict=True)))
        for note in notes:
            st.info(notices.plain(note))
        told = warnings.notes_of(record.provenance)
        notices.of_model(told)
        table = totals.draw(view, path, record.key, pair, shown.index, region.cells(view, record))
    told = [*told, *warnings.warnings(record.key, pair)[view.mode]]  # as the page and `store show` say them
    table.full.attrs |= {"notes": told} if told else {}
    shown.drawn.extend(_strip(shown))
    return replace(shown, table=table)


def details(shown: ResultScreen, record: RunRecord) -> None:
    """Draw from which noise levels the information comes, and how it was computed."""
    left, right = st.columns([7, 5], gap="medium")
    with left:
        shown.drawn.append(_curve(shown))
    with right:
        _provenance(shown, record)


def _shown(view: View, path: Path, pair: PairResult) -> ResultScreen:
    bands = decompositions.bands(pair, view.mode)
    view = replace(view, band=view.band if view.band in bands else ALL_LEVELS)
    index = pair.seeds.index(int(view.seed))
    layers = decompositions.layers(path, pair, view, index)
    view = replace(view, quantity=view.quantity if view.quantity in layers else next(iter(layers)))
    return ResultScreen(view=view, path=path, pair=pair, words=pair.pair.words, index=index, layers=layers, bands=bands)


def _overlay(shown: ResultScreen, record: RunRecord) -> ExportFigure:
    view, image = shown.view, record.images_of(shown.pair)[shown.index]
    st.pills(
        "Map over the image",
        list(shown.layers),
        format_func=lambda name: MAPS[name].symbol,
        required=True,
        wrap=True,
        **address.bind_field("quantity", view.quantity, among=list(shown.layers)),
    )
    layer = shown.layers[view.quantity]
    about = f"Map of the quantity {layer.title} over the image of seed {view.seed} of the prompt {view.prompt}"
    figure = maps_figure.overlay(image, layer, view.opacity / 100, view.threshold / 100)
    maps_figure.let_select(figure, image.shape[:2], region.corners(view))
    selected = {"on_select": region.drawn, "selection_mode": "box"}
    exports.figure("overlay-figure", figure, key=region.CHART, alt=about + shown.levels, **selected)
    if not record.key.image and (wrong := recognised.mark(shown.path, record.key.prompt, record.key.model, view.seed)):
        st.caption(notices.plain(wrong))
    region.choices(view, record)
    sliders.draw(view)
    if len(shown.bands) > 1:
        _noise_levels(shown)
    data = exports.under(maps_figure.values([layer]), mode=view.mode, level="pixel", quantity=view.quantity)
    return ExportFigure("overlay-figure", f"Map over the image, seed {view.seed}{shown.levels}", figure, data)


def _noise_levels(shown: ResultScreen) -> None:
    sliders.noise_levels(shown.view, shown.bands)
    said = ["Maps show what the words say at these noise levels only. Totals stay those of all levels."]
    if shown.view.band != ALL_LEVELS:
        said.append("R, U1, U2 and S are formed from the maps of these levels alone.")
        said.append("There are no maps of CMI and attention by level.")
        said += ["Maps by level are from the orthogonal estimator."] if shown.pair.estimator == STANDARD else []
    st.caption(" ".join(said))


def _seeds(shown: ResultScreen, own: bool, pictures: dict[int, str]) -> None:
    """The images, one a seed, each with the button that shows it."""
    quantity, measure = MAPS[shown.view.quantity], shown.pair.measure
    with st.container(horizontal=True, wrap=False):
        title = f"{quantity.symbol}: {quantity.title(shown.words)}. {quantity.explain(shown.words, measure)}"
        st.text(title, width="stretch")
        with st.popover(f"More about {quantity.symbol}"):
            st.markdown(glossary.explained(quantity.more(measure), quantity.anchor))
            if quantity.name == "redundancy":
                st.markdown(glossary.explained(f"The measure is {measure}.", measure))
    many = len(shown.pair.seeds) > MANY
    with st.container(horizontal=True, gap="small", height=SCROLLED if many else "content", border=False):
        for seed in shown.pair.seeds:
            with st.container(width=THUMBNAIL, gap="xxsmall"):
                st.image(pictures[seed], width=THUMBNAIL, alt="Own image" if own else f"Image of seed {seed}")
                st.button(
                    "Own image" if own else f"Seed {seed}",
                    type="primary" if str(seed) == shown.view.seed else "secondary",
                    width="stretch",
                    on_click=address.change,
                    kwargs={"seed": str(seed)},
                )


def _strip(shown: ResultScreen) -> list[ExportFigure]:
    view, layers = shown.view, list(shown.layers.values())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader(f"All maps of seed {view.seed}, {MODE_NAMES[view.mode]}{shown.levels}", anchor=False)
        others = [mode for mode in shown.pair.information if mode != view.mode]
        if others:
            st.segmented_control(
                "Maps of",
                BOTH_MODES,
                format_func={"one": MODE_NAMES[view.mode], "both": "PID next to CPID"}.get,
                required=True,
                label_visibility="collapsed",
                **address.bind_field("maps", view.maps, among=BOTH_MODES),
            )
    drawn = [_side_by_side(view, layers, "strip", shown.levels)]
    for mode in others if view.maps == "both" else ():
        other = replace(view, mode=mode)
        st.text(f"{MODE_NAMES[mode]}{shown.levels}")
        beside = list(decompositions.layers(shown.path, shown.pair, other, shown.index).values())
        drawn.append(_side_by_side(other, beside, "beside", shown.levels))
    limit = layers[0].scale.limit
    over = "seeds and modes" if view.band == ALL_LEVELS else "seeds, modes and bands of noise levels"
    said = (
        f"{MODE_MEANING[view.mode]} All information has one colour scale, here and in the overlay, over all {over}. It "
        f"ends at {limit:.3g} {view.unit} per latent pixel. {100 - maps_figure.ROBUST:g}% of the pixels are above that "
        "and have the last colour."
    )
    if "attention_first" in shown.layers:
        said += " Attention and output similarity have scales of their own, as they are no information."
    elif isinstance(shown.pair.pair, TokenPair) and shown.pair.attention is None:
        said += " No attention map was recorded: of some families it cannot be."
    st.caption(said)
    return drawn


def _side_by_side(view: View, layers: list[maps_figure.Layer], key: str, levels: str) -> ExportFigure:
    about = f"Maps side by side, {MODE_NAMES[view.mode]}: {', '.join(layer.title for layer in layers)}"
    figure = maps_figure.strip(layers, threshold=view.threshold / 100)
    exports.figure(f"{key}-figure", figure, key=key, alt=about)
    data = exports.under(maps_figure.values(layers), mode=view.mode, level="pixel")
    return ExportFigure(f"{key}-figure", f"All maps, {view.mode.upper()}, seed {view.seed}{levels}", figure, data)


def _curve(shown: ResultScreen) -> ExportFigure:
    view, information = shown.view, shown.pair.information[shown.view.mode]
    st.subheader("At which noise level the information appears", anchor=False)
    values = information.curve[shown.index] * factor(view.unit)
    edges = information.band_edges
    band = None if view.band == ALL_LEVELS else (float(edges[int(view.band)]), float(edges[int(view.band) + 1]))
    about = f"Information of each word and of both per unit of log SNR, seed {view.seed}"
    figure = maps_figure.curve(information.log_snr, values, shown.words, view.unit, band)
    exports.figure("curve-figure", figure, key="curve", alt=about)
    names = [f"{name} ({view.unit} per unit of log SNR)" for name in (*shown.words, "both")]
    data = pd.DataFrame(values, columns=names).assign(log_snr=information.log_snr)
    settings = {"mode": view.mode, "measure": "", "level": ""}  # on which the curve does not depend
    title = f"Information by noise level, seed {view.seed}"
    return ExportFigure("curve-figure", title, figure, exports.under(data, **settings))


def _provenance(shown: ResultScreen, record: RunRecord) -> None:
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
        "Maps": _maps(shown, record),
        "Computed": record.provenance.created[:16].replace("T", " ") + f" UTC, {record.provenance.software}",
    }
    if notes := warnings.notes_of(record.provenance):
        facts["To know"] = "; ".join(notes)
    st.subheader("How it was computed", anchor=False)
    cells = [notices.plain(text) for text in facts.values()]
    st.table(pd.DataFrame({"": cells}, index=list(facts)), border="horizontal", hide_header=True)


def _maps(shown: ResultScreen, record: RunRecord) -> str:
    """Their size, and how precise they are where the file was made small."""
    sizes = *next(iter(shown.layers.values())).values.shape, *record.images.shape[1:3]
    return "{} x {} latent pixels, image {} x {}".format(*sizes) + (f"; {CONDENSED}" if shown.pair.condensed else "")


def _levels(information: InformationMaps) -> str:
    """The range measured, and how much of the information of both words lies at its ends and below it."""
    low, high = warnings.edge_shares(information)
    edges = information.band_edges if len(information.band_edges) else information.log_snr
    return (
        f"log SNR {edges[0]:.1f} to {edges[-1]:.1f}. Of I12, {low:.1%} lie in the noisiest band and {high:.1%} in the "
        f"cleanest. About {warnings.tail_share(information):.1%} more lie below the noisiest and are not counted."
    ).replace("SNR -", "SNR \u2212")
