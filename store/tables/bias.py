"""The bias table: redundancy of each attribute with each subject, with intervals and tests (Dewan et al. 2024)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from store.studies import Published
from store.tables.samples import AVERAGE, Cells, cells_of, describe
from store.tables.statistics import (
    CONFIDENCE,
    RESAMPLES,
    benjamini_hochberg,
    draws,
    ends,
    expanded_percentiles,
    gaps,
    means_of,
    paired_test,
    percentiles,
    resampled_means,
)

ALPHA = 0.05
PUBLISHED = "published"


def bias(
    samples: pd.DataFrame,
    quantity: str = "redundancy",
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    alpha: float = ALPHA,
) -> pd.DataFrame:
    """Return the bias table of Dewan et al. (2024): a row for each subject (occupation), then the row `average`.

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
    | `gap_low`, `gap_high` | interval of the gap between these two attributes, with the same seeds drawn of both |
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
    *average, averages = _average(cells.means, drawn, confidence)
    gap_low, gap_high = _gap_interval(cells, drawn, (average[0], averages), confidence)
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
        "largest": largest_attributes(means, cells.attributes),
        "gap": gap,
        "gap_low": gap_low,
        "gap_high": gap_high,
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
    table.attrs = describe(samples, quantity, ("mean", "low", "high", "gap", "gap_low", "gap_high"), **about)
    return table


def _average(means: np.ndarray, resampled: np.ndarray, confidence: float) -> tuple[np.ndarray, ...]:
    """Return means over subjects of `means` (O, A), both ends of their interval, each (A,), and the resamples (B, A).

    The interval draws subjects, and of each its `resampled` means (O, A, B).
    """
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
    averages[:, ~enough] = np.nan
    return value, low, high, averages


def _gap_interval(
    cells: Cells, resampled: np.ndarray, average: tuple[np.ndarray, np.ndarray], confidence: float
) -> np.ndarray:
    """Return both ends of the interval of the gap of each subject and of the average, (2, O + 1).

    It is that of the difference between the attributes which are largest and smallest in this table. `average` is its
    means (A,) and resamples (B, A).
    """
    found = np.full((2, len(cells.subjects) + 1), np.nan)
    for row, means in enumerate([*cells.means, average[0]]):
        if np.isfinite(means).sum() < 2:
            continue
        most, least = int(np.nanargmax(means)), int(np.nanargmin(means))
        if row < len(cells.subjects):
            apart = resampled[row, most] - resampled[row, least]
            count = cells.counts[row, [most, least]].min()
            found[:, row] = np.ravel(expanded_percentiles(apart[None], np.array([count]), confidence))
        else:
            apart = average[1][:, most] - average[1][:, least]
            found[:, row] = percentiles(apart, confidence) if np.isfinite(apart).any() else np.nan
    return found


def with_published(table: pd.DataFrame, published: Published) -> pd.DataFrame:
    """Return a table of `bias` with what others published of another model: columns (`published`, attribute).

    Compare them with `normalised`, in order and direction, not in size: both are shares of a table's range, and the
    tables have other rows. The row `average` is that of the source, which the column `source` names wherever
    there is a value; `attrs["published"]` says which model and quantity they are about. Attributes that the table lacks
    are left out.
    """
    theirs = published.frame.reindex(
        index=table.index, columns=[name for name in published.frame if name in table["mean"]]
    )
    found = table.copy()
    for attribute in theirs:
        found[PUBLISHED, attribute] = theirs[attribute]
    found["source", ""] = pd.Series(published.source, index=theirs.dropna(how="all").index)
    found.attrs = {**table.attrs, PUBLISHED: published.frame.attrs}
    return found


def largest_attributes(means: np.ndarray, attributes: Sequence[str]) -> list[str | None]:
    """Return the attribute with the largest of `means` (O, A) in each row; None where there is nothing to compare."""
    return [attributes[int(np.nanargmax(row))] if np.isfinite(row).sum() > 1 else None for row in means]
