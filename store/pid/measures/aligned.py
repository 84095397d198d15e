"""What two words predict in common: the product of the shifts that they cause."""

import numpy as np

from store.pid.measures.measure import Maps, Measure


def aligned(maps: Maps) -> np.ndarray:
    """r = 1/2 Int E <d1, d2> da = (i1 + i2 - i_between) / 2, in nats, with d_k = e(z|y_k) - e(z).

    The covariance of the two words' predictions of the noise: zero for words that are independent given the noisy
    image, negative where they pull in opposite directions. Linear, so pixels add up to the image. A proposal of
    this project, on top of the orthogonal estimator of Kong et al. 2024.
    """
    return (maps["first"] + maps["second"] - maps["between"]) / 2


def alignment(maps: Maps) -> np.ndarray:
    """The alignment index r / sqrt(i1 i2) of `aligned`, without unit, in [-1, 1]; 0 where a word brings nothing."""
    size = np.sqrt(np.maximum(maps["first"] * maps["second"], 0))
    return np.divide(aligned(maps), size, out=np.zeros_like(size), where=size > 0)


ALIGNED = Measure(
    name="aligned",
    title="common prediction",
    redundancy=aligned,
    source="a proposal of this project",
    brief="what both words predict in common, negative where they pull in opposite directions; our own proposal",
    sentence="What '{0}' and '{1}' predict in common about a pixel: below zero where they pull in opposite directions.",
    explanation="Under *aligned* it is the product of the two shifts that the words cause in the model's prediction, "
    "(I1 + I2 \u2212 I between them) / 2: about zero for words that have nothing to do with each other. It is a "
    "proposal of this project and not established in the literature.",
    definition=r"$R = \tfrac12 (I_1 + I_2 - I_{1 \leftrightarrow 2})$, where "
    r"$I_{1 \leftrightarrow 2}$ is how far apart the predictions with either word are. It is the product of the two "
    "shifts that the words cause: what both predict in common, negative where they pull in opposite directions. Judge "
    "it by the checks on the Method page, and do not quote it as established.",
    refusal="it is a product of shifts, which errors of the noise do not have",
)
