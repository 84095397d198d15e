"""Common change in surprisal."""

import numpy as np

from store.pid.measures.measure import ESTIMATORS, Maps, Measure


def ccs(maps: Maps) -> np.ndarray:
    """The co-information r = i1 + i2 - i12 where i1, i2, i12 and it have one sign, else 0, in nats (after Ince 2017).

    Ince takes the co-information on the maximum-entropy joint distribution of the pairwise marginals; this is that of
    the model's own joint distribution. Both agree where the marginals determine the joint.
    """
    first, second, both = (maps[name] for name in ("first", "second", "both"))
    shared = first + second - both
    signs = np.sign(shared)
    return np.where(np.all([np.sign(values) == signs for values in (first, second, both)], axis=0), shared, 0.0)


CCS = Measure(
    name="ccs",
    title="common change in surprisal",
    redundancy=ccs,
    source="after Ince 2017",
    brief="the co-information I1 + I2 \u2212 I12 where all signs agree, else zero",
    sentence="What '{0}' and '{1}' say twice about a pixel: their sum less what both say together, where signs agree.",
    explanation="Under *ccs* (common change in surprisal) it is the co-information I1 + I2 \u2212 I12 at pixels where "
    "it and all three have one sign, and zero elsewhere. So at most pixels either it or the synergy is zero. Ince's "
    "own definition takes the co-information on the maximum-entropy joint distribution, this one on the model's.",
    definition=r"$R = I_1 + I_2 - I_{12}$ where this and all three have one "
    "sign, else 0. Ince takes the co-information on the maximum-entropy joint distribution of the pairwise marginals; "
    "here it is that of the model's own joint distribution, so the two can differ.",
    estimators=ESTIMATORS,
    nonnegative=("redundancy", "synergy"),
)
