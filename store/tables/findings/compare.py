"""Two tables of one bias study side by side: paired differences, rows that flip, changes of order."""

import numpy as np
import pandas as pd
from scipy import stats

from store.errors import InputError
from store.tables.bias import ALPHA, bias
from store.tables.samples import AVERAGE, SETTINGS, Cells, cells_of
from store.tables.statistics import (
    CONFIDENCE,
    RESAMPLES,
    benjamini_hochberg,
    expanded_percentiles,
    means_of,
    paired_test,
    resampled_means,
)

ROUNDED = 1e-6  # of the largest lean: files hold totals with six or seven digits


def compare(
    one: pd.DataFrame,
    other: pd.DataFrame,
    quantity: str = "redundancy",
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    alpha: float = ALPHA,
) -> pd.DataFrame:
    """Return a row for each subject that both samples have, the largest difference first.

    Of two attributes the lean of a row is the second less the first; of more it is the attribute that leads in `one`
    less the mean of the others. In nats, seed by seed.

    | column | |
    |---|---|
    | `one`, `other` | the mean lean under both |
    | `difference`, `low`, `high` | `other` less `one` over the seeds that both have, with its interval |
    | `p`, `q`, `significant` | paired t test over these seeds, corrected over subjects |
    | `seeds` | how many these are |
    | `leads_one`, `leads_other` | the attribute with the largest mean |
    | `flips` | whether they differ, and `flips_clearly`, whether attributes differ significantly in both |
    | `rank_one`, `rank_other` | place in the order by gap, 1 the largest |

    `attrs` have `rank`, the Spearman correlation of both leans over subjects, and of each setting its value, or both
    where they differ.

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
    shared = np.intersect1d(cells[0].seeds, cells[1].seeds)
    lean = np.stack([_leans(each, subjects, tables[0], shared) for each in cells])  # (2, O, S)
    apart = lean[1] - lean[0]
    rounded = np.abs(apart) <= ROUNDED * np.abs(lean).max(initial=0, where=np.isfinite(lean))
    apart = np.where(rounded, 0.0, apart)
    counts = np.isfinite(apart).sum(1)
    low, high = expanded_percentiles(resampled_means(apart, shared, resamples), counts, confidence)
    p = np.array([paired_test(np.stack([np.zeros(len(shared)), values])).p for values in apart])
    q = benjamini_hochberg(p)
    leads = [table["largest", ""].drop(AVERAGE).loc[subjects] for table in tables]
    clear = [table["significant", ""].drop(AVERAGE).loc[subjects].astype(bool) for table in tables]
    gaps = [table["gap", ""].drop(AVERAGE).loc[subjects] for table in tables]
    found = pd.DataFrame(
        {
            "one": means_of(lean[0]),
            "other": means_of(lean[1]),
            "difference": means_of(apart),
            "low": low,
            "high": high,
            "p": p,
            "q": q,
            "significant": q <= alpha,
            "seeds": counts,
            "leads_one": leads[0].to_numpy(),
            "leads_other": leads[1].to_numpy(),
            "flips": (leads[0] != leads[1]).to_numpy(),
            "flips_clearly": ((leads[0] != leads[1]) & clear[0] & clear[1]).to_numpy(),
            "rank_one": gaps[0].rank(ascending=False).to_numpy(),
            "rank_other": gaps[1].rank(ascending=False).to_numpy(),
        },
        index=pd.Index(subjects, name="subject"),
    )
    known = found[["one", "other"]].dropna()
    varies = len(known) > 2 and known.nunique().min() > 1
    rank = float(stats.spearmanr(known["one"], known["other"]).statistic) if varies else np.nan
    settings = {name: _both(tables[0].attrs[name], tables[1].attrs[name]) for name in SETTINGS}
    about = {"quantity": quantity, "units": dict.fromkeys(("one", "other", "difference", "low", "high"), "nats")}
    order = found["difference"].abs().sort_values(ascending=False, kind="stable").index
    found = found.loc[order]
    found.attrs = {**settings, **about, "rank": rank, "attributes": cells[0].attributes, "confidence": confidence}
    return found


def sentence(table: pd.DataFrame, unit: str = "nats", factor: float = 1.0) -> str:
    """Return what `compare` finds, as plain text: how alike both are, what differs significantly, what flips."""
    count, significant = len(table), table[table["significant"]]
    rank = table.attrs["rank"]
    said = [] if np.isnan(rank) else [f"Rank correlation of both over {count} rows: {rank:.2f}.".replace("-", "\u2212")]
    said.append(f"{len(significant)} of {count} rows differ significantly.")
    flips, clearly = int(table["flips"].sum()), int(table["flips_clearly"].sum())
    said.append(f"In {flips} another attribute leads, in {clearly} of them significantly on both sides.")
    if len(significant):
        top = significant.iloc[0]
        value, low, high = (
            f"{top[name] * factor:+.2f}".replace("-", "\u2212") for name in ("difference", "low", "high")
        )
        said.append(f"Most: {significant.index[0]}, {value} {unit} ({low} to {high}).")
    return " ".join(said)


def _leans(cells: Cells, subjects: list[str], first: pd.DataFrame, seeds: np.ndarray) -> np.ndarray:
    """Return how much each subject leans at each of `seeds`, (O, S)."""
    rows = [cells.subjects.index(subject) for subject in subjects]
    columns = [list(cells.seeds).index(seed) for seed in seeds]
    values = cells.values[rows][:, :, columns]  # (O, A, S)
    if len(cells.attributes) == 2:
        return values[:, 1] - values[:, 0]
    found = np.full((len(subjects), len(seeds)), np.nan)
    for row, subject in enumerate(subjects):
        leader = first.loc[subject, ("largest", "")]
        if leader in cells.attributes:
            place = cells.attributes.index(leader)
            found[row] = values[row, place] - np.delete(values[row], place, axis=0).mean(0)
    return found


def _both(one: object, other: object) -> object:
    return one if one == other else [one, other]
