"""Tables of pairs of words: each pair, and each pair beside a control word in the same images.

What separates a pair from an unrelated word is the finding, since redundancy has no zero that could be trusted.
"""

import numpy as np
import pandas as pd

from store.pid.decomposition import ALIGNMENT
from store.studies import CONTROL
from store.tables.samples import CELL, alignment_index, by_seed, check, count_excluded, describe
from store.tables.statistics import (
    CONFIDENCE,
    RESAMPLES,
    expanded_percentiles,
    finite_or_nan,
    means_of,
    resampled_means,
)

PARTS = ("", "control_", "difference_")
ASKED_PAIR = ["prompt", "subject", "attribute", "first", "second"]


def pairs(
    samples: pd.DataFrame, quantity: str, *, confidence: float = CONFIDENCE, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """Return one row for each label, prompt and pair of a study of pairs, the largest mean first.

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


def against_control(
    samples: pd.DataFrame, quantity: str = "redundancy", *, confidence: float = CONFIDENCE, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """Return one row for each pair of a study that is no control, in the order of `samples`.

    | column | |
    |---|---|
    | `prompt`, `group`, `first`, `second` | the images and the pair asked about them, the first named word first |
    | `control` | the word asked about in its place, empty where there is none |
    | `mean`, `low`, `high` | of the pair: mean over seeds and its interval |
    | `control_mean`, ... | of the first word with the control |
    | `difference_mean`, ... | of the pair less the control, seed by seed |
    | `seeds` | images of the pair |

    In nats, but for `quantity` *alignment*, r / sqrt(I1 I2) of `aligned` at image level, which has no unit and takes
    samples under OF_ALIGNMENT. Raises as `pairs` does.
    """
    if quantity == ALIGNMENT:
        samples = samples.assign(**{ALIGNMENT: alignment_index(samples)})
    check(samples, quantity)
    wide = by_seed(samples, quantity, ASKED_PAIR)
    cells = {key: finite_or_nan(wide.loc[key].to_numpy()) for key in wide.index}
    controls = {key[:2]: key for key in cells if key[2] == CONTROL}
    rows, values = [], []
    for key in samples[ASKED_PAIR].drop_duplicates().itertuples(index=False, name=None):
        prompt, subject, group, *_ = key
        if group != CONTROL:
            control = controls.get((prompt, subject))
            beside = cells[control] if control else np.full(len(cells[key]), np.nan)
            about = {"prompt": prompt, "group": group, "first": subject, "second": _other(key)}
            rows.append({**about, "control": _other(control) if control else ""})
            values.append(np.stack([cells[key], beside, cells[key] - beside]))
    stacked = np.stack(values, axis=1)  # (3, rows, seeds)
    found = pd.DataFrame(rows)
    for name, each in zip(PARTS, stacked, strict=True):
        counts = np.isfinite(each).sum(1)
        drawn = resampled_means(each, wide.columns.to_numpy(), resamples)
        found[f"{name}mean"] = means_of(each)
        found[f"{name}low"], found[f"{name}high"] = expanded_percentiles(drawn, counts, confidence)
    found["seeds"] = np.isfinite(stacked[0]).sum(1)
    measured = [f"{name}{part}" for name in PARTS for part in ("mean", "low", "high")]
    found.attrs = describe(samples, quantity, measured, confidence=confidence, resamples=resamples)
    return found


def parts(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the parts of each pair of a study that is no control: means over seeds in nats, in the order of `samples`.

    Columns `prompt`, `first`, `second`, `both` (I12), `redundancy`, `synergy`, `unique` (of both words together), and
    the interval over seeds of the share of `unique` in `both`: `share`, `share_low`, `share_high`. Raises as `pairs`.
    """
    check(samples, "redundancy")
    rows = samples[samples["attribute"] != CONTROL].assign(
        unique=lambda each: each["unique_first"] + each["unique_second"]
    )
    names = {"both": "information_both", "redundancy": "redundancy", "synergy": "synergy", "unique": "unique"}
    keys = ["prompt", "first", "second"]
    wide = {name: by_seed(rows, column, keys) for name, column in names.items()}
    found = pd.DataFrame({name: means_of(finite_or_nan(each.to_numpy())) for name, each in wide.items()})
    found.index = wide["both"].index
    share = finite_or_nan((wide["unique"] / wide["both"]).to_numpy())
    drawn = resampled_means(share, wide["both"].columns.to_numpy(), RESAMPLES)
    found["share"] = means_of(share)
    found["share_low"], found["share_high"] = expanded_percentiles(drawn, np.isfinite(share).sum(1), CONFIDENCE)
    order = list(rows[keys].drop_duplicates().itertuples(index=False, name=None))
    found = found.loc[order].reset_index()
    found.attrs = describe(samples, "unique", list(names), confidence=CONFIDENCE, resamples=RESAMPLES)
    return found


def _other(key: tuple[str, ...]) -> str:
    """Return the word of a pair that is not the first named."""
    _, subject, _, first, second = key
    return second if first.casefold() == subject.casefold() else first
