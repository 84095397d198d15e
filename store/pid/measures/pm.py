"""Pointwise partial information from specificity and ambiguity."""

import numpy as np

from store.pid.measures.measure import ESTIMATORS, Maps, Measure, Surprisals


def pm(maps: Maps, surprisals: Surprisals) -> np.ndarray:
    """r = max(i1, i2 - (h2 - h1)) for surprisals h1 <= h2 of the words, in nats (Finn and Lizier 2018).

    It is the redundant specificity min(h1, h2) less the redundant ambiguity min(h1 - i1, h2 - i2).
    """
    first, second = surprisals
    lowest = min(surprisals)
    return np.maximum(maps["first"] - (first - lowest), maps["second"] - (second - lowest))


PM = Measure(
    name="pm",
    title="specificity less ambiguity",
    redundancy=pm,
    source="Finn and Lizier 2018",
    brief="specificity less ambiguity, with the surprisal that was given of each word",
    sentence="What '{0}' and '{1}' both say about a pixel, in view of how surprising either word is.",
    explanation="Under *pm* the information of the rarer word is first reduced by how much its surprisal exceeds that "
    "of the other word. R is then the larger of the two. It depends on the surprisals that were given when the pair "
    "was computed.",
    definition=r"$R = \max(I_1, I_2 - (h_2 - h_1))$ with the words' "
    r"surprisals $h_1 \le h_2$. It is offered only for pairs that were computed with surprisals, as without them it "
    "would be no more than the larger information.",
    estimators=ESTIMATORS,
    nonnegative=("redundancy",),
    needs_surprisals=True,
)
