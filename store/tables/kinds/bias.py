"""The tables of bias studies, as `store table` prints them."""

import math
from collections.abc import Sequence

import pandas as pd

from store.studies import NEUTRAL, Study
from store.tables.bias import PUBLISHED, bias, with_published
from store.tables.findings.closing import closing
from store.tables.guidance import by_guidance
from store.tables.kinds.format import (
    CLOSING,
    PrintedTable,
    StudyTable,
    TableRequest,
    draw,
    intervals,
    number,
    plain_text,
    q_values,
    star,
    text,
)
from store.tables.neutral import PROBED, neutral_probe
from store.tables.robustness import by_setting, rank_stability, sensitivity
from store.tables.samples import AVERAGE, OF_ALIGNMENT, choose_revision


def _plain(request: TableRequest) -> PrintedTable:
    samples = request.samples(**request.setting)
    table = bias(samples, request.quantity)
    return PrintedTable(table, bias_text, request.head, [*_notes(request, table), *filter(None, [closing(samples)])])


def _published(request: TableRequest) -> PrintedTable:
    printed, published = _plain(request), request.study.published
    if published is None:
        return printed
    source = f"published: {published.model}; {published.quantity}; {published.table}. {published.source}"
    table = with_published(printed.frame, published)
    return printed._replace(frame=table, notes=[*printed.notes, source])


def _lacks_published(study: Study) -> str:
    return "" if study.published else "it holds no published values"


def _neutral(request: TableRequest) -> PrintedTable:
    table = neutral_probe(request.samples(part=NEUTRAL, mode="pid", **OF_ALIGNMENT))
    notes = ["information and contrast in nats, alignment in -1..1", *_notes(request, table)]
    return PrintedTable(table, probe_text, "neutral images asked about each attribute", notes)


def _guidances(request: TableRequest) -> PrintedTable:
    samples = [request.samples(**request.setting, guidance=guidance) for guidance in request.guidances]
    joined = pd.concat(samples)
    choose_revision(request.model, joined["revision"])
    table = by_guidance(joined, request.quantity)
    return PrintedTable(table, guidance_text, f"gaps of {request.head}", _notes(request, table))


def _stability(request: TableRequest) -> PrintedTable:
    found = rank_stability(request.samples(**request.setting), request.quantity)
    order = "order by gap against that of other seeds, Spearman: {:.2f} [{:.2f}, {:.2f}]".format(*found.order)
    return PrintedTable(found.subjects, stability_text, f"stability of {request.head}", [order])


def _sensitivity(request: TableRequest) -> PrintedTable:
    table = sensitivity(request.samples(mode=request.mode), request.quantity)
    return PrintedTable(table, plain_text, f"{request.quantity}, {request.mode}: agreement, Spearman")


def _settings(request: TableRequest) -> PrintedTable:
    table = by_setting(request.samples(mode=request.mode), request.quantity)
    return PrintedTable(table, plain_text, f"{request.quantity}, {request.mode}: means in nats")


def _notes(request: TableRequest, table: pd.DataFrame) -> list[str]:
    """What intervals and stars are, and how much of the study the table is about."""
    there, size = len(table.drop(AVERAGE)), request.study.size
    notes = [f"{table.attrs['confidence']:.0%} intervals over seeds; * q at most {table.attrs['alpha']:g}"]
    return notes + [f"{there} of {size} subjects are there so far"] * (there < size)


def bias_text(table: pd.DataFrame) -> str:
    """Mean and interval of each attribute, the gap, and a star where it is significant; published values at the end."""
    columns = {each: intervals(table, each) for each in table["mean"]}
    columns["gap"] = [number(value) for value in table["gap", ""]]
    columns["q"] = q_values(table["q", ""], table["significant", ""])
    if PUBLISHED in table:
        columns |= {f"ours 0..1, {each}": list(map(number, table["normalised", each])) for each in table["normalised"]}
        columns |= {f"published, {each}": list(map(number, table[PUBLISHED, each])) for each in table[PUBLISHED]}
    return draw(columns, table.index)


def probe_text(table: pd.DataFrame) -> str:
    """Information, alignment and contrast of each attribute, each with the q of its test."""
    columns: dict[str, Sequence[str]] = {}
    for name in PROBED:
        parts = (name, f"{name}_low", f"{name}_high")
        columns |= {f"{name} {each}": intervals(table, each, *parts) for each in table[name]}
        columns[f"q {name}"] = q_values(table[f"{name}_q", ""], table[f"{name}_significant", ""])
    return draw(columns, table.index)


def guidance_text(table: pd.DataFrame) -> str:
    """The gap at each guidance, with the attribute that leads, and how it changes."""
    columns: dict[str, Sequence[str]] = {}
    for each in table["gap"]:
        rows = zip(table["gap", each], table["largest", each], table["significant", each], strict=True)
        columns[f"gap at {each}"] = [f"{number(gap)} {text(name)}{star(found)}".strip() for gap, name, found in rows]
        if ("change", each) in table:
            columns[f"change to {each}"] = intervals(table, each, "change")
    return draw(columns, table.index)


def stability_text(subjects: pd.DataFrame) -> str:
    """How often each order stays, and the rank by gap with its interval."""
    shares = {name: [number(value, ".0%") for value in subjects[name]] for name in ("stays_largest", "same_order")}
    ends = zip(subjects["rank"], subjects["rank_low"], subjects["rank_high"], strict=True)
    ranks = ["" if math.isnan(rank) else f"{rank:g} [{low:g}, {high:g}]" for rank, low, high in ends]
    columns = {"largest": list(map(text, subjects["largest"])), **shares}
    return draw({**columns, "gap": list(map(number, subjects["gap"])), "rank by gap": ranks}, subjects.index)


TABLES = (
    StudyTable(make=_plain),
    StudyTable(
        make=_published,
        name="published",
        option="--published",
        help="with values that others printed, of another model",
        refusal=_lacks_published,
    ),
    StudyTable(
        make=_neutral,
        name="neutral",
        option="--probe neutral",
        help="what images without an attribute say of each attribute",
    ),
    StudyTable(make=_guidances, name="guidance", help="what guidance does to gaps, side by side"),
    StudyTable(
        make=_stability,
        name="stability",
        option="--stability",
        help="how often orders would change with other seeds",
    ),
    StudyTable(
        make=_sensitivity,
        name="sensitivity",
        option="--sensitivity",
        help="rank correlation between all measures and levels",
    ),
    StudyTable(
        make=_settings,
        name="by-setting",
        option="--by-setting",
        help="the means under all measures and levels",
    ),
    CLOSING,
)
