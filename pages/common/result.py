"""One pair of one prompt, drawn: the overlay, the seeds, the totals, the strip of maps and the noise levels."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from pages.common import figures, notices, reading, state
from pages.common.quantities import (
    MODE_MEANING,
    MODE_NAMES,
    QUANTITIES,
    UNRELIABLE_MEANING,
    factor,
    reliable,
    written,
)
from pages.common.state import View
from store.records import Decomposition, Estimate, PairResult, RunRecord

CONFIG = {"displayModeBar": False}
THUMBNAIL = 76  # pixels
MANY = 12  # seeds from which on their images scroll
SCROLLED = 250  # pixels


@dataclass(frozen=True)
class _Shown:
    """What of a record is on screen."""

    view: View
    pair: PairResult
    words: tuple[str, str]
    index: int  # of the seed within the pair
    decomposition: Decomposition
    scale: float  # from nats to the unit shown
    limit: float  # of the common colour scale, in the unit shown


def draw(view: View, path: Path, record: RunRecord, pair: PairResult) -> None:
    """Draw `pair` of `record`, read from `path`, for the seed and mode of `view`, which must be there."""
    decomposition, scale = pair.decompositions[view.mode], factor(view.unit)
    limit = figures.common_limit([quantity.of(decomposition).map * scale for quantity in QUANTITIES.values()])
    index = pair.seeds.index(int(view.seed))
    shown = _Shown(view, pair, pair.pair.words, index, decomposition, scale, limit)
    left, right = st.columns([5, 7], gap="medium")
    with left:
        _overlay(shown, record.images_of(pair)[index])
    with right:
        _seeds(shown, dict(zip(record.seeds, reading.thumbnails(path), strict=True)))
        _totals(shown)
    _strip(shown)
    left, right = st.columns([7, 5], gap="medium")
    with left:
        _curve(shown)
    with right:
        _provenance(shown, record)


def _overlay(shown: _Shown, image) -> None:
    view, quantity = shown.view, QUANTITIES[shown.view.quantity]
    st.pills(
        "Map over the image",
        list(QUANTITIES),
        format_func=lambda name: QUANTITIES[name].symbol,
        required=True,
        **state.bound("quantity", view.quantity),
    )
    title, estimate = quantity.title(shown.words), quantity.of(shown.decomposition)
    figure = figures.overlay(
        image,
        estimate.map[shown.index] * shown.scale,
        estimate.map_se[shown.index] * shown.scale,
        label=title,
        unit=view.unit,
        limit=shown.limit,
        signed=quantity.signed(shown.decomposition.measure),
        opacity=view.opacity / 100,
    )
    about = f"Map of the quantity {title} over the image of seed {view.seed} of the prompt {view.prompt}"
    st.plotly_chart(figure, config=CONFIG, key="overlay", alt=about)
    st.slider("Opacity of the map", 0, 100, step=5, format="%d %%", **state.bound("opacity", view.opacity))


def _seeds(shown: _Shown, pictures: dict[int, str]) -> None:
    """The images, one a seed, each with the button that shows it."""
    quantity = QUANTITIES[shown.view.quantity]
    with st.container(horizontal=True, wrap=False):
        title = f"{quantity.symbol}: {quantity.title(shown.words)}. {quantity.explain(shown.words)}"
        st.text(title, width="stretch")
        with st.popover(f"More about {quantity.symbol}"):
            st.markdown(quantity.detail)
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


def _totals(shown: _Shown) -> None:
    """Totals with their errors: this seed and the mean over seeds, both modes side by side."""
    columns: dict[str, list[str]] = {}
    doubtful = negative = False
    for mode, decomposition in shown.pair.decompositions.items():
        for heading, mean in ((f"seed {shown.view.seed}", False), ("mean", True)):
            cells = []
            estimates = {name: quantity.of(decomposition) for name, quantity in QUANTITIES.items()}
            estimates["standard"] = decomposition.information.standard_both
            for name, estimate in estimates.items():
                total, error = estimate.mean() if mean else _of_seed(estimate, shown.index)
                cells.append(written(total * shown.scale, error * shown.scale))
                doubtful |= not reliable(total, error)
                negative |= name == "synergy" and total < 0 and reliable(total, error)
            columns[f"{mode.upper()}, {heading}"] = cells
    rows = [f"{part.symbol} \u2002 {notices.plain(part.title(shown.words))}" for part in QUANTITIES.values()]
    rows.append("LR \u2002 log ratio of both")
    st.table(pd.DataFrame(columns, index=pd.Index(rows, name=f"Total in {shown.view.unit}")), border="horizontal")
    notes = [f"\u00b1: standard error of estimation. Mean: over {len(shown.pair.seeds)} seeds."]
    notes.append(
        "LR, the standard estimate: how much likelier both words make this very image; signed, to rank images by. It "
        "agrees with I12 on average over images of the two words."
    )
    if doubtful:
        notes.append(UNRELIABLE_MEANING)
    if negative:
        notes.append("Synergy is below zero: one word overrides the other, or misleads when it stands alone.")
    st.caption("  \n".join(notes))


def _of_seed(estimate: Estimate, index: int) -> tuple[float, float]:
    return float(estimate.total[index]), float(estimate.total_se[index])


def _strip(shown: _Shown) -> None:
    view = shown.view
    panels = [
        figures.Panel(
            quantity.title(shown.words),
            quantity.of(shown.decomposition).map[shown.index] * shown.scale,
            quantity.signed(shown.decomposition.measure),
        )
        for quantity in QUANTITIES.values()
    ]
    st.subheader(f"All maps of seed {view.seed}, {MODE_NAMES[view.mode]}", anchor=False)
    about = f"Maps side by side: {', '.join(panel.title for panel in panels)}"
    st.plotly_chart(figures.strip(panels, shown.limit, view.unit), config=CONFIG, key="strip", alt=about)
    st.caption(
        f"{MODE_MEANING[view.mode]} One colour scale for all maps, and for the overlay above. It ends at "
        f"{shown.limit:.3g} {view.unit}: {figures.ROBUST} % of the pixels of all seeds and maps lie below; "
        "larger values are drawn in the last colour. Values are per latent pixel."
    )


def _curve(shown: _Shown) -> None:
    information = shown.decomposition.information
    st.subheader("At which noise level the information appears", anchor=False)
    figure = figures.curve(
        information.log_snr, information.curve[shown.index] * shown.scale, shown.words, shown.view.unit
    )
    about = f"Information of each word and of both per unit of log SNR, seed {shown.view.seed}"
    st.plotly_chart(figure, config=CONFIG, key="curve", alt=about)


def _provenance(shown: _Shown, record: RunRecord) -> None:
    """How the numbers came about."""
    key, pair = record.key, shown.pair
    facts = {
        "Model": f"{key.model}, revision {key.revision}" if key.revision else key.model,
        "Image": f"uploaded, {key.image[:12]}" if key.image else f"generated, guidance {key.guidance:g}",
        "Estimator": f"{pair.estimator}, {pair.noises} noises an image",
        "Redundancy": shown.decomposition.measure,
        "Maps": "{} x {} latent pixels, image {} x {}".format(
            *shown.decomposition.redundancy.map.shape[1:], *record.images.shape[1:3]
        ),
        "Computed": record.provenance.created[:16].replace("T", " ") + f" UTC, {record.provenance.software}",
    }
    st.subheader("How it was computed", anchor=False)
    cells = [notices.plain(text) for text in facts.values()]
    st.table(pd.DataFrame({"": cells}, index=list(facts)), border="horizontal", hide_header=True)
