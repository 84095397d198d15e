"""The tables of the studies."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
import pandas as pd
from scipy import stats

from store import hdf5
from store.catalogue import Entry
from store.records import RunKey
from store.tables.samples import AVERAGE, CELL, by_seed, cells_of, check, count_excluded, describe
from store.tables.statistics import (
    CONFIDENCE,
    RESAMPLES,
    Interval,
    benjamini_hochberg,
    draws,
    ends,
    expanded_percentiles,
    finite_or_nan,
    gaps,
    means_of,
    paired_test,
    pearson,
    percentiles,
    resampled_means,
)

ALPHA = 0.05
KEY = tuple(field.name for field in fields(RunKey))
ABOUT = ("first", "second", "mode", "measure", "estimator", "noises", "seeds")


@dataclass(frozen=True)
class RankStability:
    """How far the orders in a bias table would survive other seeds.

    `subjects` has the columns `largest` (attribute), `stays_largest` and `same_order` (shares of the resamples),
    `gap` in nats, and `rank` by gap (1 the largest) with `rank_low`, `rank_high`. `order` is the expected Spearman
    correlation between the order of subjects by gap in this table and in a resampled one.
    """

    subjects: pd.DataFrame
    order: Interval


def bias(
    samples: pd.DataFrame,
    quantity: str = "redundancy",
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    alpha: float = ALPHA,
) -> pd.DataFrame:
    """The bias table of Dewan et al. (2024): a row for each subject (occupation), then the row `average`.

    Columns are pairs (statistic, attribute), so that `table["mean"]` is a frame subject x attribute, what belongs to
    the row is a series, as `table["gap"]`, and no attribute can be mistaken for a statistic; `store.export` and
    Plotly take them joined, `mean female`.

    | statistic | of each attribute |
    |---|---|
    | `mean`, `low`, `high` | mean over seeds and its interval, in nats; no interval from a single seed |
    | `normalised` | (mean - smallest) / (largest - smallest mean of the whole table, without the average row) |
    | `seeds`, `excluded` | values that entered, and values that were not finite |

    | statistic | of the row |
    |---|---|
    | `largest` | the attribute with the largest mean |
    | `gap`, `gap_normalised` | largest less smallest mean, in nats and as a share of the table's range |
    | `blocks`, `p` | seeds at which all attributes are there, and `paired_test` over them |
    | `q`, `significant` | `p` after Benjamini and Hochberg (1995) over subjects, and whether it is at most `alpha` |
    | `guidance` | that of the images, as it widens gaps |

    The whole table is what normalises: a selection of subjects has other normalised values. In the average row means
    are over subjects; the interval resamples subjects and, in each draw, the seeds too (drawn once for all subjects,
    as they share them); the test takes subjects as blocks and is corrected for nothing, so q = p. Subjects and
    attributes are in alphabetical order, or that of a categorical column.

    Raises
    ------
    InputError: an unknown quantity; nothing to show; more than one model, revision, guidance, study, mode, measure or
    level; rows without a label; two values for one cell and seed.
    """
    cells = cells_of(samples, quantity)
    drawn = resampled_means(cells.values, cells.seeds, resamples)
    low, high = expanded_percentiles(drawn, cells.counts, confidence)
    average = _average(cells.means, drawn, confidence)
    means, low, high = (np.vstack(rows) for rows in zip((cells.means, low, high), average, strict=True))
    counts, excluded = (np.vstack([each, each.sum(0)]) for each in (cells.counts, cells.excluded))
    smallest, largest = ends(cells.means)
    extent = largest - smallest if largest > smallest else np.nan
    tests = [paired_test(values) for values in (*cells.values, cells.means.T)]
    p = np.array([test.p for test in tests])
    q = np.append(benjamini_hochberg(p[:-1]), p[-1])
    gap = gaps(means)
    per_attribute = {
        "mean": means,
        "low": low,
        "high": high,
        "normalised": (means - smallest) / extent,
        "seeds": counts,
        "excluded": excluded,
    }
    per_row = {
        "largest": _largest(means, cells.attributes),
        "gap": gap,
        "gap_normalised": gap / extent,
        "blocks": [test.blocks for test in tests],
        "p": p,
        "q": q,
        "significant": q <= alpha,
        "guidance": np.full(len(means), samples["guidance"].iloc[0]),
    }
    columns = {
        (name, a): values[:, i] for name, values in per_attribute.items() for i, a in enumerate(cells.attributes)
    }
    columns |= {(name, ""): np.asarray(values) for name, values in per_row.items()}
    table = pd.DataFrame(columns, index=pd.Index([*cells.subjects, AVERAGE], name="subject"))
    table.columns.names = ["statistic", "attribute"]
    about = {"confidence": confidence, "resamples": resamples, "alpha": alpha, "smallest": smallest, "largest": largest}
    table.attrs = describe(samples, quantity, ("mean", "low", "high", "gap"), **about)
    return table


def rank_stability(
    samples: pd.DataFrame,
    quantity: str = "redundancy",
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> RankStability:
    """How often the orders in the bias table change when its seeds are resampled, all subjects together.

    A resample adds the spread of the seeds once more to values that already have it, as a repetition with other seeds
    would. Subjects that lack an attribute or have a single seed get NaN. Raises as `bias` does.
    """
    cells = cells_of(samples, quantity)
    resampled = resampled_means(cells.values, cells.seeds, resamples)  # (O, A, B)
    known = np.isfinite(resampled).all((1, 2)) & (len(cells.attributes) > 1)
    means, drawn = cells.means[known], resampled[known]
    columns = ("stays_largest", "same_order", "gap", "rank", "rank_low", "rank_high")
    found = np.full((len(cells.subjects), len(columns)), np.nan)
    order = Interval(np.nan, np.nan, np.nan)
    if known.any():
        ranks = stats.rankdata(-gaps(means))
        drawn_ranks = stats.rankdata(-np.ptp(drawn, axis=1), axis=0)  # (O, B)
        found[known] = np.column_stack(
            [
                (drawn.argmax(1) == means.argmax(1)[:, None]).mean(1),
                (drawn.argsort(1) == means.argsort(1)[:, :, None]).all(1).mean(1),
                gaps(means),
                ranks,
                *percentiles(drawn_ranks, confidence, axis=1),
            ]
        )
        agreement = pearson(ranks[:, None], drawn_ranks)  # (B,)
        if np.isfinite(agreement).any():
            order = Interval(float(np.nanmean(agreement)), *map(float, percentiles(agreement, confidence)))
    subjects = pd.DataFrame(found, index=pd.Index(cells.subjects, name="subject"), columns=list(columns))
    subjects.insert(0, "largest", _largest(cells.means, cells.attributes))
    about = {"confidence": confidence, "resamples": resamples, "order": order._asdict()}
    subjects.attrs = describe(samples, quantity, ("gap",), **about)
    return RankStability(subjects, order)


def sensitivity(samples: pd.DataFrame, quantity: str = "redundancy") -> pd.DataFrame:
    """Spearman correlation between the tables under each measure and level, over their cells (subject x attribute).

    A square frame, both axes (measure, level): the correlations of `by_setting`. Raises as that does.
    """
    frame = by_setting(samples, quantity)
    ranks = frame.corr(method="spearman")
    ranks.attrs = {**frame.attrs, "units": {}}
    return ranks


def by_setting(samples: pd.DataFrame, quantity: str = "redundancy") -> pd.DataFrame:
    """The means of a bias table under each measure and level, in nats: a row a cell, a column a (measure, level).

    Levels are those of `store.pid.information.LEVELS`: *pixel* and *image* are means over seeds, *prompt* is of all
    seeds together. Raises as `bias` does; here measures and levels may differ.
    """
    check(samples, quantity, free=("measure", "level"))
    tables = {}
    for setting, rows in samples.groupby(["measure", "level"], observed=True):
        cells = cells_of(rows, quantity)
        index = pd.MultiIndex.from_product([cells.subjects, cells.attributes], names=CELL)
        tables[setting] = pd.Series(cells.means.ravel(), index)
    frame = pd.DataFrame(tables)
    frame.columns.names = ["measure", "level"]
    frame.attrs = describe(samples, quantity, list(tables))
    return frame


def pairs(
    samples: pd.DataFrame, quantity: str, *, confidence: float = CONFIDENCE, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """One row for each label, prompt and pair of a study (homonyms, synonyms, co-hyponyms), the largest mean first.

    Columns `subject`, `attribute`, `prompt`, `first`, `second`; `mean` over seeds with its interval `low`, `high`, in
    nats; `seeds` and `excluded` as in `bias`. Raises as `bias` does, but rows may lack a subject or attribute.
    """
    check(samples, quantity)
    columns = [*CELL, "prompt", "first", "second"]
    named = samples.assign(**{name: samples[name].astype(object).fillna("") for name in columns})
    wide = by_seed(named, quantity, columns)
    values = finite_or_nan(wide.to_numpy())
    counts = np.isfinite(values).sum(1)
    drawn = resampled_means(values, wide.columns.to_numpy(), resamples)
    low, high = expanded_percentiles(drawn, counts, confidence)
    found = wide.index.to_frame(index=False).assign(
        mean=means_of(values), low=low, high=high, seeds=counts, excluded=count_excluded(named, quantity, wide.index)
    )
    found = found.sort_values("mean", ascending=False, kind="stable", ignore_index=True)
    found.attrs = describe(samples, quantity, ("mean", "low", "high"), confidence=confidence, resamples=resamples)
    return found


def totals(entries: Iterable[Entry]) -> pd.DataFrame:
    """Entries of the catalogue as a frame, a row each: what they are about, then each quantity and its `_se`, in nats.

    Values are means over images; standard errors are those of the estimation, not of the choice of images.
    """
    quantities = list(hdf5.DATASETS.values())
    rows = [
        [*astuple(entry.key)]
        + [getattr(entry, name) for name in ABOUT]
        + [value for name in quantities for value in entry.totals[name]]
        + ["; ".join("/".join(label) for label in entry.labels), entry.created, str(entry.path)]
        for entry in entries
    ]
    values = [column for name in quantities for column in (name, f"{name}_se")]
    frame = pd.DataFrame(rows, columns=[*KEY, *ABOUT, *values, "labels", "created", "path"])
    frame.attrs = {"units": dict.fromkeys(values, "nats")}
    return frame


def _average(means: np.ndarray, resampled: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means over subjects, each (A,), and their interval: subjects are drawn, and of those their resampled means."""
    value = means_of(means.T)
    there = np.isfinite(means)  # (O, A)
    drawn = np.nan_to_num(np.where(np.isnan(resampled), means[..., None], resampled))
    chosen = draws(len(means), resampled.shape[-1], (len(means),))  # (B, O)
    with np.errstate(invalid="ignore"):  # no subject that was drawn has the attribute
        averages = np.einsum("bo,oab->ba", chosen, drawn) / (chosen @ there)
    low, high = np.full_like(value, np.nan), np.full_like(value, np.nan)
    enough = there.sum(0) > 1
    if enough.any():
        low[enough], high[enough] = percentiles(averages[:, enough], confidence)
    return value, low, high


def _largest(means: np.ndarray, attributes: Sequence[str]) -> list[str | None]:
    return [attributes[int(np.nanargmax(row))] if np.isfinite(row).sum() > 1 else None for row in means]
