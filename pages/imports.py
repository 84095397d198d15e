"""What pages import stays; the search for garbage, which Streamlit makes after each run of a page, leaves it out."""

import gc
import sys

_known = 0  # modules


def set_aside() -> None:
    """Take all that there is now out of that search, if anything was imported since the last time."""
    global _known
    if len(sys.modules) > _known:
        _known = len(sys.modules)
        gc.freeze()
