"""What pages import stays out of Streamlit's search for garbage."""

import gc
import sys
from types import ModuleType

from pages import imports


def test_what_is_there_is_set_aside_whenever_something_was_imported(opened, monkeypatch):
    opened("method.py")
    known = gc.get_freeze_count()
    assert known > 50_000
    fresh = [[] for _ in range(10_000)]
    imports.set_aside()
    assert gc.get_freeze_count() <= known
    monkeypatch.setitem(sys.modules, "imported", ModuleType("imported"))
    imports.set_aside()
    assert gc.get_freeze_count() >= known + len(fresh)
