"""Two results side by side, paired seed by seed: of a bias study, of a study of sentences, or of one prompt."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from store.errors import InputError
from store.studies import CONTROL, REMOVED, SWAPPED
from store.tables.bias import ALPHA, bias
from store.tables.pairs import ASKED_PAIR
from store.tables.samples import AVERAGE, SETTINGS, Cells, by_seed, cells_of, check
from store.tables.statistics import (
    CONFIDENCE,
    RESAMPLES,
    benjamini_hochberg,
    expanded_percentiles,
    means_of,
    paired_test,
    resampled_means,
)

ROUNDED = 1e-6  # of the largest value: files hold totals with six or seven digits
MEASURED = ("one", "other", "difference", "low", "high")


def paired(
    one: pd.DataFrame,
    other: pd.DataFrame,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    alpha: float = ALPHA,
) -> pd.DataFrame:
    """Return the differences of two frames of values, a row each and a column a seed, the largest difference first.

    A row for each row that both have; seeds that one of them lacks are left out.

    | column | |
    |---|---|
    | `one`, `other` | the mean of both |
    | `difference`, `low`, `high` | `other` less `one` over the seeds that both have, with its interval |
    | `p`, `q`, `significant` | paired t test over these seeds, corrected over rows |
    | `seeds` | how many these are |
    | `flips` | whether the means have different signs |
    | `flips_clearly` | whether both intervals besides leave out zero |
    | `rank_one`, `rank_other` | place in the order by size, 1 the largest |

    `attrs` have `rank`, the Spearman correlation of both over rows.

    Raises
    ------
    InputError: they have no row in common, or no seed.
    """
    rows = [row for row in one.index if row in other.index]
    seeds = [seed for seed in one.columns if seed in other.columns]
    if not rows or not seeds:
        cause = "nothing that was asked is in both" if seeds else "no seed is in both"
        raise InputError("compare", cause, "compute the same part of the study with the same seeds on both sides")
    values = np.stack([each.loc[rows, seeds].to_numpy(float) for each in (one, other)])  # (2, O, S)
    values = np.where(np.isfinite(values), values, np.nan)
    apart = values[1] - values[0]
    rounded = np.abs(apart) <= ROUNDED * np.abs(values).max(initial=0, where=np.isfinite(values))
    apart = np.where(rounded, 0.0, apart)
    numbers = np.asarray(seeds)
    low, high = _interval(apart, numbers, confidence, resamples)
    p = np.array([paired_test(np.stack([np.zeros(len(seeds)), each])).p for each in apart])
    q = benjamini_hochberg(p)
    means = means_of(values)  # (2, O)
    ends = [_interval(each, numbers, confidence, resamples) for each in values]
    signs = [np.where(below > 0, 1, np.where(above < 0, -1, 0)) for below, above in ends]
    found = pd.DataFrame(
        {
            "one": means[0],
            "other": means[1],
            "difference": means_of(apart),
            "low": low,
            "high": high,
            "p": p,
            "q": q,
            "significant": q <= alpha,
            "seeds": np.isfinite(apart).sum(1),
            "flips": means[0] * means[1] < 0,
            "flips_clearly": signs[0] * signs[1] < 0,
            "rank_one": pd.Series(means[0]).rank(ascending=False).to_numpy(),
            "rank_other": pd.Series(means[1]).rank(ascending=False).to_numpy(),
        },
        index=pd.Index(rows, name=one.index.name),
    )
    known = found[["one", "other"]].dropna()
    varies = len(known) > 2 and known.nunique().min() > 1
    rank = float(stats.spearmanr(known["one"], known["other"]).statistic) if varies else np.nan
    found = found.loc[found["difference"].abs().sort_values(ascending=False, kind="stable").index]
    found.attrs = {"units": dict.fromkeys(MEASURED, "nats"), "rank": rank, "confidence": confidence, "alpha": alpha}
    return found


def compare(one: pd.DataFrame, other: pd.DataFrame, quantity: str = "redundancy", **asked: Any) -> pd.DataFrame:
    """Return `paired` of the leans of a bias study: a row for each subject that both samples have.

    Of two attributes the lean of a row is the second less the first; of more it is the attribute that leads in `one`
    less the mean of the others. In nats, seed by seed. `leads_one` and `leads_other` are the attributes with the
    largest mean; a row `flips` where they differ, and does so clearly where attributes differ significantly in both;
    ranks are by gap. `attrs` have of each setting its value, or both where they differ. `asked` goes to `paired`.

    Raises
    ------
    InputError: as `bias` does; the studies have other attributes, or no subject in common.
    """
    seeds = set(one["seed"]) & set(other["seed"])
    one, other = (each[each["seed"].isin(seeds)] for each in (one, other))
    tables = [bias(each, quantity, resamples=2) for each in (one, other)]
    cells = [cells_of(each, quantity) for each in (one, other)]
    if cells[0].attributes != cells[1].attributes:
        raise InputError("compare", "the studies have other attributes", "take two results of one study")
    subjects = [subject for subject in cells[0].subjects if subject in cells[1].subjects]
    if not subjects:
        raise InputError("compare", "no subject is in both", "compute the same part of the study")
    found = paired(*(_leans(each, subjects, tables[0]) for each in cells), **asked)
    leads, clear, gaps = (
        [table[name, ""].drop(AVERAGE).loc[found.index] for table in tables]
        for name in ("largest", "significant", "gap")
    )
    settings = _settings(*(table.attrs for table in tables))
    attrs = {**settings, **found.attrs, "quantity": quantity, "attributes": cells[0].attributes}
    found = found.assign(
        leads_one=leads[0],
        leads_other=leads[1],
        flips=leads[0] != leads[1],
        flips_clearly=(leads[0] != leads[1]) & clear[0].astype(bool) & clear[1].astype(bool),
        rank_one=gaps[0].rank(ascending=False),
        rank_other=gaps[1].rank(ascending=False),
    )
    found.attrs = attrs
    return found


def compare_sentences(
    one: pd.DataFrame, other: pd.DataFrame, quantity: str = "redundancy", **asked: Any
) -> pd.DataFrame:
    """Return `paired` of a study of sentences: a row for each sentence and pair of words that both samples have.

    Where a control word was asked about in the same images, the value of a row is that of the pair less that of its
    first word with the control. Images of changed prompts are left out. The index is *prompt: first, second*;
    `attrs["pairs"]` has prompt, first and second word by it, `attrs["controlled"]` says of how many rows a control was
    taken off.

    Raises
    ------
    InputError: as `pairs` and `paired` do.
    """
    values, named, controlled = [], {}, 0
    for samples in (one, other):
        check(samples, quantity)
        wide = by_seed(samples[~samples["attribute"].isin((REMOVED, SWAPPED))], quantity, ASKED_PAIR)
        controls = {key[:2]: wide.loc[key] for key in wide.index if key[2] == CONTROL}
        rows = {}
        for key in wide.index:
            prompt, subject, group, first, second = key
            if group != CONTROL:
                name = f"{prompt}: {first}, {second}"
                named[name] = (prompt, first, second)
                rows[name] = (
                    wide.loc[key] - controls[prompt, subject] if (prompt, subject) in controls else wide.loc[key]
                )
        controlled = len(controls)
        values.append(pd.DataFrame.from_dict(rows, orient="index").rename_axis("sentence"))
    found = paired(*values, **asked)
    settings = _settings(*({name: _only(each[name]) for name in SETTINGS} for each in (one, other)))
    about = {"quantity": quantity, "pairs": named, "controlled": controlled}
    found.attrs = {**settings, **found.attrs, **about}
    return found


def sentence(table: pd.DataFrame, unit: str = "nats", factor: float = 1.0, rows: str = "rows") -> str:
    """Return what was found, as plain text: how alike both are, what differs significantly, what flips."""
    count, significant = len(table), table[table["significant"]]
    rank, one_row = table.attrs["rank"], rows.removesuffix("s").replace("quantitie", "quantity")
    said = (
        [] if np.isnan(rank) else [f"Rank correlation of both over {count} {rows}: {rank:.2f}.".replace("-", "\u2212")]
    )
    if table["q"].isna().all():
        said.append("Too few seeds are in both to say which differences are more than chance.")
    elif count == 1:
        verb = "differs" if len(significant) else "does not differ"
        said.append(f"The only {one_row}, {table.index[0]}, {verb} significantly.")
    else:
        said.append(f"{len(significant)} of {count} {rows} differ significantly.")
    flips, clearly = int(table["flips"].sum()), int(table["flips_clearly"].sum())
    if "leads_one" in table and not flips:
        said.append(f"The same attribute leads in {'it' if count == 1 else 'every row'}.")
    elif "leads_one" in table:
        said.append(f"In {flips} another attribute leads, in {clearly} of them significantly on both sides.")
    elif flips:
        said.append(f"{flips} change their sign, {clearly} of them with both intervals off zero.")
    if len(significant):
        top = significant.iloc[0]
        value, low, high = (
            f"{top[name] * factor:+.2f}".replace("-", "\u2212") for name in ("difference", "low", "high")
        )
        said.append(f"Most: {significant.index[0]}, {value} {unit} ({low} to {high}).")
    return " ".join(said)


def _leans(cells: Cells, subjects: Sequence[str], first: pd.DataFrame) -> pd.DataFrame:
    """Return how much each subject leans at each seed."""
    rows = [cells.subjects.index(subject) for subject in subjects]
    values = cells.values[rows]  # (O, A, S)
    found = np.full((len(subjects), len(cells.seeds)), np.nan)
    if len(cells.attributes) == 2:
        found = values[:, 1] - values[:, 0]
    else:
        for row, subject in enumerate(subjects):
            leader = first.loc[subject, ("largest", "")]
            if leader in cells.attributes:
                place = cells.attributes.index(leader)
                found[row] = values[row, place] - np.delete(values[row], place, axis=0).mean(0)
    return pd.DataFrame(found, pd.Index(subjects, name="subject"), cells.seeds)


def _interval(
    values: np.ndarray, seeds: np.ndarray, confidence: float, resamples: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return both ends of the interval of the mean of each row."""
    counts = np.isfinite(values).sum(1)
    return expanded_percentiles(resampled_means(values, seeds, resamples), counts, confidence)


def _settings(one: dict, other: dict) -> dict[str, object]:
    """Return each setting of both, or both values where they differ."""
    return {name: one[name] if one[name] == other[name] else [one[name], other[name]] for name in SETTINGS}


def _only(column: pd.Series) -> object:
    found = column.unique().tolist()
    return found[0] if len(found) == 1 else found
