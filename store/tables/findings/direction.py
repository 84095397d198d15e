"""Which attribute leads in a row of a bias table, under each measure of redundancy and in both modes."""

import numpy as np
import pandas as pd

from store.tables.bias import ALPHA, largest_attributes
from store.tables.samples import AVERAGE, cells_of, check, describe
from store.tables.statistics import benjamini_hochberg, gaps, paired_test

LEADS, CLEAR = "leads", "clear"


def directions(samples: pd.DataFrame, quantity: str = "redundancy", *, alpha: float = ALPHA) -> pd.DataFrame:
    """Return which attribute has the largest mean, for each subject and then the average: one level, many measures.

    Columns are pairs (statistic, setting); a setting is *measure, mode*, as `aligned, pid`. `leads` is the attribute,
    None where there is nothing to compare; `gap` is the largest less the smallest mean, in nats; `clear` says
    whether the attributes differ significantly, as `significant` of `bias` does. Raises as `bias` does; here measures
    and modes may differ.
    """
    check(samples, quantity, free=("measure", "mode"))
    columns: dict[tuple[str, str], pd.Series] = {}
    for (measure, mode), rows in samples.groupby(["measure", "mode"], observed=True):
        cells = cells_of(rows, quantity)
        means = np.vstack([cells.means, np.nanmean(cells.means, 0)])
        p = np.array([paired_test(values).p for values in (*cells.values, cells.means.T)])
        q = np.append(benjamini_hochberg(p[:-1]), p[-1])
        index, setting = pd.Index([*cells.subjects, AVERAGE]), setting_of(measure, mode)
        columns[LEADS, setting] = pd.Series(largest_attributes(means, cells.attributes), index, dtype=object)
        columns["gap", setting] = pd.Series(gaps(means), index)
        columns[CLEAR, setting] = pd.Series(q <= alpha, index)
    found = pd.DataFrame(columns).rename_axis(index="subject")
    found.columns.names = ["statistic", "setting"]
    found.attrs = describe(samples, quantity, ("gap",), alpha=alpha)
    return found


def setting_of(measure: str, mode: str) -> str:
    """Return how `directions` names a measure in a mode."""
    return f"{measure}, {mode}"


def with_directions(table: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Return a table of `bias` with the columns (`leads`, setting) and (`clear`, setting) of `directions`.

    `agree` is the number of settings, its own included, in which the same attribute leads as in `table`, of
    `settings` that tell. `attrs` keep which setting is the table's own.
    """
    own = setting_of(table.attrs["measure"], table.attrs["mode"])
    leads = found[LEADS].reindex(table.index)
    joined = table.copy()
    for statistic in (LEADS, CLEAR):
        for setting in leads:
            joined[statistic, setting] = found[statistic, setting].reindex(table.index)
    same = leads.eq(table["largest", ""], axis=0)
    joined["agree", ""] = same.sum(axis=1)
    joined["settings", ""] = leads.notna().sum(axis=1)
    joined.attrs = {**table.attrs, "setting": own}
    return joined
