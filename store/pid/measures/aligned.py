"""What two words predict in common: the product of the shifts that they cause."""

import numpy as np


def aligned(maps) -> np.ndarray:
    """r = 1/2 Int E <d1, d2> da = (i1 + i2 - i_between) / 2, in nats, with d_k = e(z|y_k) - e(z).

    The covariance of the two words' predictions of the noise: zero for words that are independent given the noisy
    image, negative where they pull in opposite directions. Linear, so pixels add up to the image. A proposal of
    this project, on top of the orthogonal estimator of Kong et al. 2024.
    """
    return (maps["first"] + maps["second"] - maps["between"]) / 2


def alignment(maps) -> np.ndarray:
    """The same without a scale: r / sqrt(i1 i2), in [-1, 1]; 0 where a word brings nothing."""
    size = np.sqrt(np.maximum(maps["first"] * maps["second"], 0))
    return np.divide(aligned(maps), size, out=np.zeros_like(size), where=size > 0)
