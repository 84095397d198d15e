"""Correlation of a word's information with the change of the image without it."""

import numpy as np
import pandas as pd

from store.errors import InputError
from store.tables.intervention import CHANGES, COLUMNS, PREDICTORS, within
from store.tables.statistics import (
    CONFIDENCE,
    RESAMPLES,
    Interval,
    correlation,
    expanded_percentiles,
    resampled_means,
)

LEVELS = ("image", "pixel")


def effects(images: pd.DataFrame, *, confidence: float = CONFIDENCE, resamples: int = RESAMPLES) -> pd.DataFrame:
    """Return the correlation of each predictor with each change of the image, from the rows of `interventions`.

    A row for each `change` of the prompt (*removed*, *swapped*), `level` and way to measure the change of the image
    (`by`: *pixels*, *structure*). At the level *image* it is the Pearson correlation of totals over all images, at the
    level *pixel* that of maps within an image, averaged over the images of a prompt and over prompts: both as in Kong
    et al. (2024). Columns are pairs (statistic, predictor), as in `bias`: `pearson`, its interval `low`, `high`, for
    which prompts are resampled, and `images`, how many entered; of the row, `prompts`. NaN where nothing varies.

    Raises
    ------
    InputError: a column is not there, or no row.
    """
    lacking = [name for name in COLUMNS if name not in images]
    if lacking or images.empty:
        cause = f"column {lacking[0]!r} is not there" if lacking else "no image is there"
        raise InputError("effects", cause, "give the rows of `interventions`")
    found = {}
    for change, rows in images.groupby("change", sort=False):
        for level in LEVELS:
            for by in CHANGES:
                cells = {name: _cell(rows, level, name, by, confidence, resamples) for name in PREDICTORS}
                found[change, level, by] = {
                    **{
                        (part, name): value
                        for part in ("pearson", "low", "high", "images")
                        for name in PREDICTORS
                        for value in [cells[name][part]]
                    },
                    ("prompts", ""): rows["prompt"].nunique(),
                }
    table = pd.DataFrame.from_dict(found, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=["change", "level", "by"])
    table.columns = pd.MultiIndex.from_tuples(table.columns, names=["statistic", "predictor"])
    table.attrs = {**images.attrs, "units": {}, "confidence": confidence, "resamples": resamples}
    return table


def _cell(
    rows: pd.DataFrame, level: str, predictor: str, change: str, confidence: float, resamples: int
) -> dict[str, float]:
    """Return correlation, interval and the number of images of one predictor and one change."""
    if level == "image":
        known = rows[np.isfinite(rows[[predictor, change]].astype(float)).all(axis=1)]
        interval = correlation(
            known[predictor], known[change], known["prompt"], confidence=confidence, resamples=resamples
        )
    else:
        column = within(predictor, change)
        known = rows[np.isfinite(rows[column].astype(float))]
        interval = _mean_over_prompts(known.groupby("prompt")[column].mean().to_numpy(), confidence, resamples)
    return {"pearson": interval.value, "low": interval.low, "high": interval.high, "images": len(known)}


def _mean_over_prompts(values: np.ndarray, confidence: float, resamples: int) -> Interval:
    if not len(values):
        return Interval(np.nan, np.nan, np.nan)
    drawn = resampled_means(values[None], np.arange(len(values)), resamples)
    low, high = expanded_percentiles(drawn, np.array([len(values)]), confidence)
    return Interval(float(values.mean()), float(low[0]), float(high[0]))
