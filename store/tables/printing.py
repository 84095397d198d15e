"""Tables as text for a terminal: a value and its interval share a cell."""

import math
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd

from store.studies import Published
from store.tables.neutral import PROBED
from store.tables.report import PUBLISHED


def bias_text(table: pd.DataFrame) -> str:
    """Mean and interval of each attribute, the gap, and a star where it is significant; published values at the end."""
    columns = {each: _intervals(table, each) for each in table["mean"]}
    columns["gap"] = [_number(value) for value in table["gap", ""]]
    columns["q"] = _tests(table["q", ""], table["significant", ""])
    if PUBLISHED in table:
        columns |= {f"ours 0..1, {each}": list(map(_number, table["normalised", each])) for each in table["normalised"]}
        columns |= {f"published, {each}": list(map(_number, table[PUBLISHED, each])) for each in table[PUBLISHED]}
    return _drawn(columns, table.index)


def probe_text(table: pd.DataFrame) -> str:
    """Information, alignment and contrast of each attribute, each with the q of its test."""
    columns: dict[str, Sequence[str]] = {}
    for name in PROBED:
        parts = (name, f"{name}_low", f"{name}_high")
        columns |= {f"{name} {each}": _intervals(table, each, *parts) for each in table[name]}
        columns[f"q {name}"] = _tests(table[f"{name}_q", ""], table[f"{name}_significant", ""])
    return _drawn(columns, table.index)


def guidance_text(table: pd.DataFrame) -> str:
    """The gap at each guidance, with the attribute that leads, and how it changes."""
    columns: dict[str, Sequence[str]] = {}
    for each in table["gap"]:
        rows = zip(table["gap", each], table["largest", each], table["significant", each], strict=True)
        columns[f"gap at {each}"] = [f"{_number(gap)} {_text(name)}{_star(found)}".strip() for gap, name, found in rows]
        if ("change", each) in table:
            columns[f"change to {each}"] = _intervals(table, each, "change")
    return _drawn(columns, table.index)


def stability_text(subjects: pd.DataFrame) -> str:
    """How often each order stays, and the rank by gap with its interval."""
    shares = {name: [_number(value, ".0%") for value in subjects[name]] for name in ("stays_largest", "same_order")}
    ends = zip(subjects["rank"], subjects["rank_low"], subjects["rank_high"], strict=True)
    ranks = ["" if math.isnan(rank) else f"{rank:g} [{low:g}, {high:g}]" for rank, low, high in ends]
    columns = {"largest": list(map(_text, subjects["largest"])), **shares}
    return _drawn({**columns, "gap": list(map(_number, subjects["gap"])), "rank by gap": ranks}, subjects.index)


def effects_text(table: pd.DataFrame) -> str:
    """The correlation of each predictor, and how many prompts it is from."""
    columns = {each: _intervals(table, each, "pearson") for each in table["pearson"]}
    return _drawn({**columns, "prompts": list(map(str, table["prompts", ""]))}, table.index)


def pairs_text(table: pd.DataFrame) -> str:
    """One line a pair, the largest first."""
    words = [f"{row['first']} + {row['second']}" for _, row in table.iterrows()]
    columns = {"": list(table["attribute"]), "pair": words, "prompt": [repr(prompt) for prompt in table["prompt"]]}
    return _drawn({"mean": _intervals_of(table, "mean", "low", "high"), **columns}, pd.Index([""] * len(table)))


def senses_text(table: pd.DataFrame) -> str:
    """One line a sentence: synergy, gain, and how many images are nearest to those of their own sense."""
    columns = {name: _intervals_of(table, name, f"{name}_low", f"{name}_high") for name in ("synergy", "gain")}
    nearest = [f"{own} of {compared}" for own, compared in zip(table["own"], table["compared"], strict=True)]
    told = {"meant as": list(table["sense"]), **columns, "nearest to its own": nearest, "taken": list(table["taken"])}
    return _drawn(told, pd.Index(table["prompt"]))


def controls_text(table: pd.DataFrame) -> str:
    """One line a pair: its value, that of its first word with the control word, and their difference."""
    columns = {"pair": [f"{row['first']} + {row['second']}" for _, row in table.iterrows()]}
    columns |= {"with it": _intervals_of(table, "mean", "low", "high"), "control": list(table["control"])}
    for part, head in (("control_", "with the control"), ("difference_", "difference")):
        columns[head] = _intervals_of(table, *(f"{part}{name}" for name in ("mean", "low", "high")))
    return _drawn(columns, pd.Index(table["prompt"]))


def plain_text(frame: pd.DataFrame) -> str:
    """Numbers with two digits, text as it is."""
    columns = {
        " ".join(map(str, name)) if isinstance(name, tuple) else str(name): [
            _text(value) for value in frame.iloc[:, place]
        ]
        for place, name in enumerate(frame)
    }
    return _drawn(columns, frame.index)


def source_note(published: Published) -> str:
    """Whose the published values are."""
    return f"published: {published.model}; {published.quantity}; {published.table}. {published.source}"


def _drawn(columns: Mapping[str, Sequence[str]], index: pd.Index) -> str:
    frame = pd.DataFrame({name: list(values) for name, values in columns.items()}, index=index)
    return frame.rename_axis(index=[None] * index.nlevels).to_string(max_colwidth=None)


def _intervals(
    table: pd.DataFrame, of: Hashable, value: str = "mean", low: str = "low", high: str = "high"
) -> list[str]:
    return _intervals_of(table, *((name, of) for name in (value, low, high)))


def _intervals_of(table: pd.DataFrame, *columns: Hashable) -> list[str]:
    return [_interval(*row) for row in zip(*(table[name] for name in columns), strict=True)]


def _interval(value: float, low: float, high: float) -> str:
    return _number(value) if math.isnan(low) else f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _tests(q: pd.Series, significant: pd.Series) -> list[str]:
    return [_number(value, ".3f") + _star(found) for value, found in zip(q, significant, strict=True)]


def _star(significant: object) -> str:
    return " *" if significant is True or significant is np.True_ else ""


def _number(value: float, form: str = ".2f") -> str:
    return "" if math.isnan(value) else format(value, form)


def _text(value: object) -> str:
    if isinstance(value, float):
        return _number(value)
    return "" if pd.isna(value) else str(value)
