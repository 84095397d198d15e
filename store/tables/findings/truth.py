"""What was measured, held against what a model was taught on purpose."""

import numpy as np
import pandas as pd
from scipy import stats

from store.studies import Planted
from store.studies.planted import EVEN
from store.tables.samples import AVERAGE
from store.tables.statistics import CONFIDENCE, draws, pearson, percentiles

PLANTED, DRAWN = "planted", "drawn"
RESAMPLED = 2000


def with_planted(table: pd.DataFrame, planted: Planted) -> pd.DataFrame:
    """Return a table of `bias` with what the model was taught of its subjects.

    | column | |
    |---|---|
    | (`planted`, attribute) | the share of the attribute among pictures of the subject, as taught |
    | (`drawn`, attribute) | the same among drawn images of the subject alone; NaN where nobody counted |
    | `control` | whether all attributes were taught alike |
    | `beyond_control` | whether the gap is larger than that of every control row |

    `attrs` have `planted` (source, images), `controls`, their number, and `control_gap`, the largest gap of a control
    row in nats: differences that small are found where none was taught.
    """
    found, subjects = table.copy(), table.index
    for name, shares in ((PLANTED, planted.shares), (DRAWN, planted.shares_drawn)):
        for attribute in table["mean"]:
            found[name, attribute] = shares[attribute].reindex(subjects).astype(float)
    found["control", ""] = subjects.isin(planted.even)
    gaps = table.loc[found["control", ""], ("gap", "")]
    limit = float(gaps.max()) if len(gaps) else np.nan
    found["beyond_control", ""] = (table["gap", ""] > limit) & (subjects != AVERAGE)
    about = {PLANTED: {"source": planted.source, "images": planted.images}}
    found.attrs = {**table.attrs, **about, "controls": len(gaps), "control_gap": limit}
    return found


def recovery(table: pd.DataFrame) -> pd.DataFrame:
    """Return measured beside planted values, from a table of `with_planted`: a row for each subject and attribute.

    Of two attributes there is a row for the second only: `planted`, `drawn` (differences of shares) and `measured`
    (nats) are those of the second less those of the first. Of more they are what an attribute has above the mean of
    all. `control` and `significant` are those of the subject. `attrs` have `rank`, the Spearman correlation of planted
    and measured, with its interval `rank_low`, `rank_high` over subjects.
    """
    rows = table.drop(AVERAGE)
    parts = {PLANTED: _apart(rows[PLANTED]), DRAWN: _apart(rows[DRAWN]), "measured": _apart(rows["mean"])}
    parts[PLANTED] = parts[PLANTED].where(parts[PLANTED].abs() >= EVEN, parts[PLANTED] * 0.0)
    stacked = {name: part.stack(future_stack=True) for name, part in parts.items()}
    found = pd.DataFrame(stacked).rename_axis(["subject", "attribute"]).reset_index()
    for name in ("control", "significant"):
        found[name] = found["subject"].map(rows[name, ""])
    known = parts[PLANTED].notna().all(axis=1) & parts["measured"].notna().all(axis=1)
    planted, measured = (parts[name][known].to_numpy(float) for name in (PLANTED, "measured"))
    about = {
        "units": {"measured": "nats"},
        **dict(zip(("rank", "rank_low", "rank_high"), _rank(planted, measured), strict=True)),
    }
    found.attrs = {**table.attrs, **about}
    return found


def _apart(values: pd.DataFrame) -> pd.DataFrame:
    """Return of two columns the second less the first, of more each less their mean."""
    if values.shape[1] == 2:
        return values.iloc[:, [1]].sub(values.iloc[:, 0], axis=0)
    return values.sub(values.mean(axis=1), axis=0)


def _rank(planted: np.ndarray, measured: np.ndarray) -> tuple[float, float, float]:
    """Return Spearman's correlation of two arrays (O, A) over all cells, and its interval over resampled rows."""
    count = len(planted)
    if count < 3 or not np.ptp(planted) or not np.ptp(measured):
        return np.nan, np.nan, np.nan
    value = float(stats.spearmanr(planted.ravel(), measured.ravel()).statistic)
    often = draws(count, RESAMPLED, (count,)).astype(int)  # (B, O)
    chosen = np.repeat(np.tile(np.arange(count), len(often)), often.ravel()).reshape(len(often), count)
    ranks = [
        stats.rankdata(np.round(each, 9)[chosen].reshape(len(often), -1), axis=1).T for each in (planted, measured)
    ]
    correlations = pearson(*ranks)
    if not np.isfinite(correlations).any():
        return value, np.nan, np.nan
    low, high = percentiles(correlations, CONFIDENCE)
    return value, float(low), float(high)
