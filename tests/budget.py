"""How long tests storm, and by which chance: briefly in `make test`, at length in `make soak`.

DIFFUSIONPID_SEED chooses other values, places and moments than the usual ones.
"""

import os
import random

import pytest

SOAK = os.environ.get("DIFFUSIONPID_SOAK") == "1"
SEED = os.environ.get("DIFFUSIONPID_SEED", "0")
soak = pytest.mark.skipif(not SOAK, reason="`make soak` runs it")  # what a quicker test holds too, but for a storm


def rounds(short: int, long: int) -> int:
    """The number of rounds of a storm: `short` in `make test`, `long` in `make soak`."""
    return long if SOAK else short


def chance(about: str) -> random.Random:
    """The random numbers of the storm `about` something, other ones for each DIFFUSIONPID_SEED."""
    return random.Random(f"{SEED} {about}")
