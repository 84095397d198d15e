"""Minimum mutual information."""

import numpy as np


def mmi(maps) -> np.ndarray:
    """What the weaker word brings: r = min(i1, i2), in nats (Barrett 2015).

    To be taken after the integral over log SNR, of orthogonal maps.
    """
    return np.minimum(maps["first"], maps["second"])
