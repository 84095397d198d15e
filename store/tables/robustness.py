"""How far a bias table depends on its seeds, and on the measure and level under which redundancy is taken."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from store.tables.bias import largest_attributes
from store.tables.samples import CELL, cells_of, check, describe
from store.tables.statistics import (
    CONFIDENCE,
    RESAMPLES,
    Interval,
    gaps,
    pearson,
    percentiles,
    resampled_means,
)


@dataclass(frozen=True)
class RankStability:
    """How far the orders in a bias table would stay the same with other seeds.

    `subjects` has the columns `largest` (attribute), `stays_largest` and `same_order` (shares of the resamples),
    `gap` in nats, and `rank` by gap (1 the largest) with `rank_low`, `rank_high`. `order` is the expected Spearman
    correlation between the order of subjects by gap in this table and in a resampled one.
    """

    subjects: pd.DataFrame
    order: Interval


def rank_stability(
    samples: pd.DataFrame,
    quantity: str = "redundancy",
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> RankStability:
    """Return how often the orders in the bias table change when its seeds are resampled, all subjects together.

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
    subjects.insert(0, "largest", largest_attributes(cells.means, cells.attributes))
    about = {"confidence": confidence, "resamples": resamples, "order": order._asdict()}
    subjects.attrs = describe(samples, quantity, ("gap",), **about)
    return RankStability(subjects, order)


def sensitivity(samples: pd.DataFrame, quantity: str = "redundancy") -> pd.DataFrame:
    """Return the Spearman correlation between the tables under each measure and level.

    It is over their cells (subject x attribute): the correlations of `by_setting`, as a square frame whose axes are
    (measure, level). Raises as `by_setting` does.
    """
    frame = by_setting(samples, quantity)
    ranks = frame.corr(method="spearman")
    ranks.attrs = {**frame.attrs, "units": {}}
    return ranks


def by_setting(samples: pd.DataFrame, quantity: str = "redundancy") -> pd.DataFrame:
    """Return the means of a bias table under each measure and level, in nats.

    The frame has a row for each cell and a column for each (measure, level).

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
