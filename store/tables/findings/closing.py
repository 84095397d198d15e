"""Whether the information of a study closes: standard against orthogonal estimates, in the mean over images."""

import numpy as np
import pandas as pd

from store.warnings import CLOSURE, ERRORS

IMAGE = ["prompt", "first", "second", "mode", "seed"]


def closing(samples: pd.DataFrame) -> str:
    """Return a sentence if standard and orthogonal information of both words disagree; empty if they do not.

    They agree on average over images that the model draws itself at guidance 1, given both words in their prompt (Kong
    et al. 2024, section 2): samples of other images are left out. They disagree if the mean difference is beyond three
    standard errors and a fifth of the information.
    """
    known = samples[(samples["mode"] == "cpid") & (samples["guidance"] == 1.0) & samples["seed"].notna()]
    each = known.drop_duplicates(IMAGE)
    standard, orthogonal = (each[name].to_numpy(float) for name in ("standard_both", "information_both"))
    finite = np.isfinite(standard) & np.isfinite(orthogonal)
    standard, orthogonal = standard[finite], orthogonal[finite]
    if len(standard) < 2:
        return ""
    apart = standard - orthogonal
    error = apart.std(ddof=1) / np.sqrt(len(apart))
    if abs(apart.mean()) <= max(ERRORS * error, CLOSURE * abs(orthogonal.mean())):
        return ""
    return (
        f"The information does not close: in the mean over {len(apart)} images both words bring {standard.mean():.2f} "
        f"nats by the standard and {orthogonal.mean():.2f} by the orthogonal estimate. Usually a text is foreign to "
        "the model, or its predictions are not exact: trust differences between words more than amounts."
    )
