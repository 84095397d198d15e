"""The words for the numbers of studies of sentences: one sentence answers the question of a study.

As in `sentences`, every function returns plain text without markup.
"""

import math

import pandas as pd

from store.tables.intervention import PREDICTORS
from store.tables.senses import NOT_TAKEN, TAKEN, UNTOLD

NAMES = {
    "conditional": "CMI",
    "information": "MI",
    "unique": "unique information",
    "redundancy": "redundancy",
    "synergy": "synergy",
    "attention": "attention",
}


def of_senses(table: pd.DataFrame) -> str:
    """Return in how many sentences the context decides the meaning, from a table of `senses`."""
    told = table[table["taken"] != UNTOLD]
    if told.empty:
        return "No other meaning of these words is there to compare with."
    taken, missed = told[told["taken"] == TAKEN], told[told["taken"] == NOT_TAKEN]
    said = (
        f"In {len(taken)} of {_sentences(len(told))} all images follow the context and the context makes them likelier."
    )
    if len(missed):
        said += f" In {len(missed)} they do not: {_some(missed['prompt'])}."
    return said


def of_counts(this: int, other: int, neither: int) -> str:
    """Return what the images of a study of homonyms show; empty where nothing was counted."""
    total = this + other + neither
    if not total:
        return ""
    return f"Of {total} images {this} show the sense that is asked for, {other} another, {neither} neither."


def of_controls(table: pd.DataFrame, quantity: str) -> str:
    """Return in how many pairs two words have more in common than with a control word: `against_control`."""
    known = table[table["difference_mean"].notna()]
    if known.empty:
        return "No pair has a control word in the same images."
    above, below = known[known["difference_low"] > 0], known[known["difference_high"] < 0]
    said = (
        f"By {quantity}, the two words have more in common than with an unrelated word in {len(above)} of {len(known)} "
        f"pairs, and less in {len(below)}."
    )
    top = known.loc[known["difference_mean"].idxmax()]
    return f"{said} Most: {top['first']} and {top['second']}."


def of_parts(table: pd.DataFrame) -> str:
    """Return how much of what two words say only one of them says, from a table of `store.tables.parts`."""
    known = table[table["both"] > 0]
    if known.empty:
        return ""
    shares = {name: float(known[name].sum() / known["both"].sum()) for name in ("unique", "redundancy", "synergy")}
    unique = known["unique"] / known["both"]
    said = {name: f"{100 * share:.0f}%".replace("-", "\u2212") for name, share in shares.items()}
    top, least = known.loc[unique.idxmax()], known.loc[unique.idxmin()]
    return (
        f"Of what both words say, {said['unique']} is unique to one of them, {said['redundancy']} redundant and "
        f"{said['synergy']} synergy. In {int((unique > 0.5).sum())} of {len(known)} pairs more than half is unique: "
        f"most for {top['first']} and {top['second']}, least for {least['first']} and {least['second']}."
    )


def of_effects(table: pd.DataFrame, change: str, by: str) -> str:
    """Return which predictor goes with the change of images, from a table of `effects`: one `change`, one way `by`."""
    rows = table.xs((change, by), level=("change", "by"))
    said = []
    for level, answer in (("image", "how much an image changes"), ("pixel", "where an image changes")):
        one = rows.loc[level]
        clear = {name: one["pearson", name] for name in PREDICTORS if one["low", name] > 0}
        if clear:
            best = max(clear, key=clear.__getitem__)
            said.append(f"Yes for {answer}: {NAMES[best]} correlates with it by {_interval(one, best)}.")
            continue
        known = [name for name in PREDICTORS if math.isfinite(one["pearson", name])]
        if not known:
            continue
        best = max(known, key=lambda name: one["pearson", name])
        said.append(f"No for {answer}: no predictor correlates with it; at most {NAMES[best]}, {_interval(one, best)}.")
    return " ".join(said) if said else "Too few images of changed prompts are there to tell."


def _interval(one: pd.Series, name: str) -> str:
    value, low, high = (f"{one[part, name]:.2f}".replace("-", "\u2212") for part in ("pearson", "low", "high"))
    return f"{value} ({low} to {high})"


def _sentences(count: int) -> str:
    return "1 sentence" if count == 1 else f"{count} sentences"


def _some(prompts: pd.Series, most: int = 3) -> str:
    listed = [f"'{prompt}'" for prompt in prompts[:most]]
    return ", ".join(listed) + (f" and {len(prompts) - most} more" if len(prompts) > most else "")
