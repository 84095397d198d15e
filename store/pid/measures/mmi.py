"""Minimum mutual information."""

import numpy as np

from store.pid.measures.measure import Maps, Measure


def mmi(maps: Maps) -> np.ndarray:
    """What the weaker word brings: r = min(i1, i2), in nats (Barrett 2015).

    It is taken after the integral over log SNR, of orthogonal maps.
    """
    return np.minimum(maps["first"], maps["second"])


MMI = Measure(
    name="mmi",
    title="minimum mutual information",
    redundancy=mmi,
    source="Barrett 2015",
    brief="the smaller of what either word says; it compares amounts, not contents",
    sentence="What '{0}' and '{1}' both say about a pixel, taken as the smaller of what either says.",
    explanation="Under *mmi* (minimum mutual information) it is, at each pixel, the smaller of the two words' "
    "information. That is an amount, not proof that both words say the same thing: two words that bring equal amounts "
    "of different things to one pixel look redundant.",
    definition=r"$R = \min(I_1, I_2)$, so $S = I_{12} - \max(I_1, I_2)$. It compares amounts, not contents. The "
    "uniqueness is never negative.",
    refusal="the minimum of signed, noisy maps is no redundancy",
    nonnegative=("redundancy", "unique_first", "unique_second"),
)
