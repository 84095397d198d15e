"""How long tests storm: briefly in `make test`, at length in `make soak`."""

import os

SOAK = os.environ.get("DIFFUSIONPID_SOAK") == "1"


def rounds(short: int, long: int) -> int:
    """The number of rounds of a storm: `short` in `make test`, `long` in `make soak`."""
    return long if SOAK else short
