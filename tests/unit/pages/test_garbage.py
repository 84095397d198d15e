"""What pages import stays out of Streamlit's search for garbage."""

import gc
import sys
from types import ModuleType


def test_what_is_there_is_set_aside_whenever_something_was_imported(opened, monkeypatch):
    page = opened("method.py")
    known = gc.get_freeze_count()
    assert known > 50_000
    fresh = [[] for _ in range(10_000)]
    page.run()
    assert gc.get_freeze_count() <= known
    monkeypatch.setitem(sys.modules, "imported", ModuleType("imported"))
    page.run()
    assert gc.get_freeze_count() >= known + len(fresh) / 2
