"""Two words against a control word in the same images: what separates a pair from an unrelated word is the finding."""

import numpy as np
import pandas as pd

from store.pid.decomposition import ALIGNMENT
from store.pid.measures.aligned import alignment
from store.studies import CONTROL
from store.tables.samples import by_seed, check, describe
from store.tables.statistics import (
    CONFIDENCE,
    RESAMPLES,
    expanded_percentiles,
    finite_or_nan,
    means_of,
    resampled_means,
)

OF_ALIGNMENT = {"measure": "aligned", "level": "image"}  # samples from which the index of whole images can be told
PARTS = ("", "control_", "difference_")
CELL = ["prompt", "subject", "attribute", "first", "second"]


def against_control(
    samples: pd.DataFrame, quantity: str = "redundancy", *, confidence: float = CONFIDENCE, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """One row for each pair of a study that is no control, in the order of `samples`.

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
        samples = samples.assign(**{ALIGNMENT: _alignment(samples)})
    check(samples, quantity)
    wide = by_seed(samples, quantity, CELL)
    cells = {key: finite_or_nan(wide.loc[key].to_numpy()) for key in wide.index}
    controls = {key[:2]: key for key in cells if key[2] == CONTROL}
    rows, values = [], []
    for key in samples[CELL].drop_duplicates().itertuples(index=False, name=None):
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


def _other(key: tuple[str, ...]) -> str:
    """The word of a pair that is not the first named."""
    _, subject, _, first, second = key
    return second if first.casefold() == subject.casefold() else first


def _alignment(samples: pd.DataFrame) -> np.ndarray:
    first, second = (samples[f"information_{name}"].to_numpy() for name in ("first", "second"))
    between = first + second - 2 * samples["redundancy"].to_numpy()
    return alignment({"first": first, "second": second, "between": between})
