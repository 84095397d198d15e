"""Common change in surprisal."""

import numpy as np


def ccs(maps) -> np.ndarray:
    """The co-information r = i1 + i2 - i12 where i1, i2, i12 and it have one sign, else 0, in nats (Ince 2017)."""
    first, second, both = (maps[name] for name in ("first", "second", "both"))
    shared = first + second - both
    signs = np.sign(shared)
    return np.where(np.all([np.sign(values) == signs for values in (first, second, both)], axis=0), shared, 0.0)
