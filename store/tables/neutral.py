"""The neutral probe: what images that name no attribute say of each."""

import numpy as np
import pandas as pd

from store.errors import InputError
from store.tables.bias import ALPHA, bias
from store.tables.samples import OF_ALIGNMENT, alignment_index
from store.tables.statistics import CONFIDENCE, RESAMPLES

PROBED = ("information", "alignment", "contrast")


def neutral_probe(
    samples: pd.DataFrame,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    alpha: float = ALPHA,
) -> pd.DataFrame:
    """Return what images of each subject alone (*a doctor*) say of each attribute: a row a subject, then `average`.

    `samples` are those of the study's neutral probe, under OF_ALIGNMENT. Columns are pairs (statistic, attribute), as
    in `bias`:

    | statistic | of each attribute, mean over seeds |
    |---|---|
    | `information` | I(attribute; image), the orthogonal estimate in nats: how much the word explains of the image |
    | `alignment` | r / sqrt(I1 I2) of attribute and subject, `aligned`, in -1..1: whether both words push alike |
    | `contrast` | i_s(attribute and subject) less the mean of i_s over the other attributes, in nats |

    i_s is the standard estimate about the very image: the contrast is the log ratio of the densities that the model
    gives it under both prompts, above 0 where the image looks more like that attribute's. Of two attributes only the
    second has a column, as the first's is its negative. NAME_low and NAME_high bound the interval, NAME_p,
    NAME_q and NAME_significant test whether the attributes differ, all as in `bias`; `seeds` and `excluded` likewise.

    Raises
    ------
    InputError: as `bias` does, or samples of another measure or level.
    """
    for column, value in OF_ALIGNMENT.items():
        if set(samples[column]) - {value}:
            raise InputError(
                f"{column} of a neutral probe", f"not {value} alone", f"select(samples, {column}={value!r})"
            )
    rows = samples.assign(
        information=_of_attribute(samples), alignment=alignment_index(samples), contrast=_contrast(samples)
    )
    tables = {name: bias(rows, name, confidence=confidence, resamples=resamples, alpha=alpha) for name in PROBED}
    columns = {
        (name if statistic == "mean" else f"{name}_{statistic}", attribute): table[statistic, attribute]
        for name, table in tables.items()
        for statistic, attribute in table
        if statistic in ("mean", "low", "high", "p", "q", "significant") and not _mirrored(name, attribute, table)
    }
    table = tables["contrast"]
    columns |= {(name, each): table[name, each] for name in ("seeds", "excluded") for each in table["mean"]}
    found = pd.DataFrame(columns)
    found.columns.names = ["statistic", "attribute"]
    units = {f"{name}{end}": "nats" for name in ("information", "contrast") for end in ("", "_low", "_high")}
    about = {name: value for name, value in table.attrs.items() if name not in ("smallest", "largest")}
    found.attrs = {**about, "quantity": "neutral probe", "units": units}
    return found


def _mirrored(name: str, attribute: str, table: pd.DataFrame) -> bool:
    """Return whether it is the contrast of the first of two attributes."""
    attributes = list(table["mean"])
    return name == "contrast" and len(attributes) == 2 and attribute == attributes[0]


def _of_attribute(samples: pd.DataFrame) -> np.ndarray:
    leads = samples["first"].astype(str) == samples["attribute"].astype(str)
    return np.where(leads, samples["information_first"], samples["information_second"])


def _contrast(samples: pd.DataFrame) -> pd.Series:
    """Return each attribute's standard estimate less the mean of the others'; NaN where one of them is missing."""
    value = samples["standard_both"]
    images = value.groupby([samples["subject"].astype(str), samples["seed"]])
    total, count = images.transform("sum"), images.transform("count")
    attributes = samples["attribute"].nunique()
    return ((attributes * value - total) / (attributes - 1)).where((count == attributes) & (attributes > 1))
