"""What guidance of image generation does to the gaps of a bias study."""

import numpy as np
import pandas as pd

from store.errors import InputError
from store.tables.bias import ALPHA, bias
from store.tables.samples import AVERAGE, CELL, by_seed, categories, check, describe
from store.tables.statistics import (
    CONFIDENCE,
    RESAMPLES,
    draws,
    expanded_percentiles,
    finite_or_nan,
    gaps,
    means_of,
    percentiles,
    resampled_means,
)

ALIKE = ("largest", "q", "significant")


def by_guidance(
    samples: pd.DataFrame,
    quantity: str = "redundancy",
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    alpha: float = ALPHA,
) -> pd.DataFrame:
    """Return the gaps of a bias study at several guidances side by side: a row for each subject, then `average`.

    Columns are pairs (statistic, guidance as text), from the lowest guidance to the highest.

    | statistic | at each guidance |
    |---|---|
    | `gap` | largest less smallest mean of the attributes, in nats |
    | `largest`, `q`, `significant` | as in the bias table of that guidance |
    | `change`, `low`, `high` | gap less that at the lowest guidance, in nats, with its interval |

    The interval resamples seeds; seeds that guidances share are drawn together. A gap is above 0 even without any
    bias, at every guidance alike, so its change is the finding. In the average row gaps and changes are means over
    subjects, and the interval resamples subjects and, in each draw, the seeds.

    Raises
    ------
    InputError: as `bias` does, but here guidances differ, and there are at least two.
    """
    check(samples, quantity, free=("guidance",))
    levels = sorted(samples["guidance"].unique())
    names = [f"{level:g}" for level in levels]
    if len(levels) < 2:
        cause, mend = f"nothing but {', '.join(names)} is there", "compute the study with another --guidance"
        raise InputError("guidance", cause, mend)
    subjects, attributes = (categories(samples[name]) for name in CELL)
    index = pd.MultiIndex.from_product([levels, subjects, attributes], names=["guidance", *CELL])
    wide = by_seed(samples, quantity, list(index.names)).reindex(index)
    values = finite_or_nan(wide.to_numpy()).reshape(len(levels), len(subjects), len(attributes), -1)  # (G, O, A, S)
    gap = np.array([gaps(means) for means in means_of(values)])  # (G, O)
    drawn = np.ptp(resampled_means(values, wide.columns.to_numpy(), resamples), axis=2)  # (G, O, B)
    counts = np.isfinite(values).sum(-1).min(-1)  # (G, O)
    rows = pd.Index([*subjects, AVERAGE], name="subject")
    columns: dict[tuple[str, str], object] = {}
    for place, name in enumerate(names):
        columns["gap", name] = [*gap[place], float(means_of(gap[place]))]
        table = bias(samples[samples["guidance"] == levels[place]], quantity, resamples=resamples, alpha=alpha)
        columns |= {(each, name): table[each, ""].drop(AVERAGE).reindex(rows) for each in ALIKE}
        if place:
            change = gap[place] - gap[0], drawn[place] - drawn[0], np.minimum(counts[place], counts[0])
            columns |= {
                (each, name): part
                for each, part in zip(("change", "low", "high"), _changes(*change, confidence), strict=True)
            }
    table = pd.DataFrame(columns, index=rows)
    table.columns.names = ["statistic", "guidance"]
    about = {"confidence": confidence, "resamples": resamples, "alpha": alpha}
    table.attrs = describe(samples, quantity, ("gap", "change", "low", "high"), **about)
    return table


def _changes(change: np.ndarray, drawn: np.ndarray, counts: np.ndarray, confidence: float) -> list[np.ndarray]:
    """Return the change of each subject, then of their average, and both ends of its interval, each (O + 1,).

    From the changes (O,), resampled ones (O, B) and the number of seeds (O,).
    """
    known = np.isfinite(drawn).all(1)
    low, high = expanded_percentiles(drawn, np.where(known, counts, 0), confidence)
    ends = np.full(2, np.nan)
    if known.sum() > 1:
        chosen = draws(len(drawn[known]), drawn.shape[1], (len(drawn[known]),))  # (B, O)
        ends = percentiles(np.einsum("bo,ob->b", chosen, drawn[known]) / known.sum(), confidence)
    return [np.append(each, end) for each, end in zip((change, low, high), (means_of(change), *ends), strict=True)]
