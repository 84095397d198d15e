"""Pointwise partial information from specificity and ambiguity."""

import numpy as np


def pm(maps, surprisals: tuple[float, float]) -> np.ndarray:
    """r = max(i1, i2 - (h2 - h1)) for surprisals h1 <= h2 of the words, in nats (Finn and Lizier 2018).

    It is min(h1, h2) less the smaller ambiguity, min(h1 - i1, h2 - i2).
    """
    first, second = surprisals
    lowest = min(surprisals)
    return np.maximum(maps["first"] - (first - lowest), maps["second"] - (second - lowest))
