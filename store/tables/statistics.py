"""Resampling, tests and correlation on arrays. S seeds, B resamples; NaN is a missing value."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from store.errors import InputError

CONFIDENCE, RESAMPLES = 0.95, 5000
ROUNDING = 1e-12  # relative: variation below it is no variation


class Interval(NamedTuple):
    """A value and its confidence interval; NaN where the data cannot tell."""

    value: float
    low: float
    high: float


class PairedTest(NamedTuple):
    """The p value of a test, and the number of blocks that entered."""

    p: float
    blocks: int


def paired_test(values: np.ndarray) -> PairedTest:
    """Test whether rows of `values` (rows, blocks) differ in the mean; only complete blocks enter.

    The F test of a two-way analysis of variance without interaction; of two rows it is the paired t test. NaN from a
    single row or fewer than two blocks, 1 where all means are equal, 0 where they differ by the same in every block.
    """
    complete = values[:, np.isfinite(values).all(0)]
    rows, blocks = complete.shape
    if rows < 2 or blocks < 2:
        return PairedTest(np.nan, blocks)
    effect = complete.mean(1, keepdims=True) - complete.mean()
    rest = complete - complete.mean(0) - effect
    negligible = ROUNDING * max(np.abs(complete).max(), np.finfo(float).tiny)
    if np.abs(effect).max() <= negligible:
        return PairedTest(1.0, blocks)
    if np.abs(rest).max() <= negligible:
        return PairedTest(0.0, blocks)
    ratio = blocks * np.square(effect).sum() / np.square(rest).sum() * (blocks - 1)
    return PairedTest(float(stats.f.sf(ratio, rows - 1, (rows - 1) * (blocks - 1))), blocks)


def correlation(
    x: Iterable[float],
    y: Iterable[float],
    groups: Iterable[object] | None = None,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> Interval:
    """Return the Pearson correlation of `x` and `y` with a percentile interval that resamples groups, or points.

    Groups are what was drawn independently: prompts, where several images belong to each. Pairs that are not finite
    are left out; with fewer than three pairs, or none that vary, all is NaN, as is the interval of a single group.

    Raises
    ------
    InputError: the lengths differ.
    """
    one, other = np.array(list(x), float), np.array(list(y), float)
    labels = np.arange(len(one)) if groups is None else pd.factorize(np.array(list(groups), object))[0]
    if not len(one) == len(other) == len(labels):
        cause = f"{len(one)} and {len(other)} values in {len(labels)} groups"
        raise InputError("correlation", cause, "give as many of each")
    known = np.isfinite(one) & np.isfinite(other)
    one, other, labels = one[known], other[known], np.unique(labels[known], return_inverse=True)[1]
    value = float(pearson(one[:, None], other[:, None])[0]) if len(one) > 2 else np.nan
    count = labels.max(initial=-1) + 1
    if count < 2 or np.isnan(value):
        return Interval(value, np.nan, np.nan)
    one, other = ((each - each.mean()) / each.std() for each in (one, other))
    products = (np.ones_like(one), one, other, one * one, other * other, one * other)
    moments = np.array([np.bincount(labels, each) for each in products])  # (6, groups)
    n, sx, sy, sxx, syy, sxy = moments @ draws(count, resamples, (count,)).T  # each (B,)
    spread = (n * sxx - sx**2) * (n * syy - sy**2)
    drawn = np.clip((n * sxy - sx * sy) / np.sqrt(np.where(spread > ROUNDING * n**4, spread, np.nan)), -1, 1)
    return Interval(value, *map(float, percentiles(drawn, confidence)))


def draws(count: int, resamples: int, key: Iterable[int]) -> np.ndarray:
    """Return how often each of `count` is drawn in each resample, float64 (B, count); `key` seeds the draws."""
    parts = [int(part) % 2**64 for part in key]
    rng = np.random.default_rng([len(parts), *parts])  # the length, as trailing zeros alone make no other key
    return rng.multinomial(count, np.full(count, 1 / count), resamples).astype(float)


def resampled_means(values: np.ndarray, seeds: np.ndarray, resamples: int) -> np.ndarray:
    """Return means (..., B) of `values` (..., S) over seeds drawn with replacement; NaN from fewer than two."""
    flat = values.reshape(-1, values.shape[-1])
    known = np.isfinite(flat)
    found = np.full((len(flat), resamples), np.nan)
    for pattern in np.unique(known, axis=0):
        count = int(pattern.sum())
        if count > 1:
            rows = (known == pattern).all(1)
            found[rows] = flat[np.ix_(rows, pattern)] @ draws(count, resamples, seeds[pattern]).T / count
    return found.reshape(*values.shape[:-1], resamples)


def percentiles(drawn: np.ndarray, confidence: float, axis: int = 0) -> np.ndarray:
    """Return both ends of a percentile interval, first axis; resamples that are NaN are left out."""
    tail = (1 - confidence) / 2
    return np.nanquantile(drawn, [tail, 1 - tail], axis=axis)


def expanded_percentiles(drawn: np.ndarray, counts: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return percentiles of means (..., B) of `counts` (...) values each, moved outwards for small counts.

    These are the expanded percentiles of Hesterberg (2015, "What Teachers Should Know About the Bootstrap").
    """
    low, high = np.full(counts.shape, np.nan), np.full(counts.shape, np.nan)
    for count in np.unique(counts[counts > 1]):
        tail = stats.norm.cdf(stats.t.ppf((1 - confidence) / 2, count - 1) * np.sqrt(count / (count - 1)))
        where = counts == count
        low[where], high[where] = np.quantile(drawn[where], [tail, 1 - tail], axis=-1)
    return low, high


def pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the Pearson correlation along the first axis; NaN where one side does not vary."""
    x, y = x - x.mean(0), y - y.mean(0)
    spread = np.sqrt(np.square(x).sum(0) * np.square(y).sum(0))
    product = (x * y).sum(0)
    return np.clip(np.divide(product, spread, out=np.full(product.shape, np.nan), where=spread > 0), -1, 1)


def finite_or_nan(values: np.ndarray) -> np.ndarray:
    """Return `values` with NaN for what is infinite."""
    return np.where(np.isfinite(values), values, np.nan)


def means_of(values: np.ndarray) -> np.ndarray:
    """Return means over the last axis of the finite values."""
    count = np.isfinite(values).sum(-1)
    return np.divide(np.nansum(values, -1), count, out=np.full(count.shape, np.nan), where=count > 0)


def ends(values: np.ndarray) -> tuple[float, float]:
    """Return the smallest and the largest finite value."""
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (np.nan, np.nan)


def gaps(means: np.ndarray) -> np.ndarray:
    """Return largest less smallest value of each row; NaN where there is nothing to compare."""
    return np.array([np.nanmax(row) - np.nanmin(row) if np.isfinite(row).sum() > 1 else np.nan for row in means])


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Return adjusted p values (Benjamini and Hochberg 1995); NaN was not tested and does not count."""
    q, known = np.full(len(p), np.nan), np.isfinite(p)
    if known.any():
        q[known] = stats.false_discovery_control(p[known])
    return q
