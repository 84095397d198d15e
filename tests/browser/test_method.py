"""The table of checks on the Method page: absent, sound, and damaged."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from store import settings

ROW = {
    "check": "gate AND",
    "quantity": "redundancy",
    "estimate": 0.31,
    "truth": 0.297,
    "error": 0.013,
    "tolerance": 0.02,
    "unit": "bits",
    "passed": True,
}
TABLE = {"created": "2026-01-02T03:04:05+00:00", "rows": [ROW, ROW | {"check": "gate XOR", "passed": False}]}


@pytest.fixture
def method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Opens the Method page where the table of checks holds a text, or is absent."""
    monkeypatch.setenv("DIFFUSIONPID_STORE", str(tmp_path))
    monkeypatch.setattr(settings, "VALIDATION", tmp_path / "validation.json")
    shell = Path(__file__).parents[2] / "pages" / "shell.py"

    def opened(text: str | None) -> AppTest:
        if text is not None:
            (tmp_path / "validation.json").write_text(text, encoding="utf-8")
        page = AppTest.from_file(str(shell), default_timeout=120).run().switch_page("method.py").run()
        assert not page.exception
        return page

    return opened


def test_an_absent_table_says_how_to_make_it(method):
    assert method(None).code[0].value == "python -m compute verify --full --json > store/validation.json"


def test_the_table_is_shown(method):
    page = method(json.dumps(TABLE))
    assert list(page.dataframe[0].value["passed"]) == ["passed", "FAILED"]
    assert any("1 of 2 checks passed, 2026-01-02" in text.value for text in page.text)


ODD = ["", "[1]", '{"rows": 3}', '{"rows": [{"check": "x"}]}', '{"rows": []}', '{"rows": [3]}', "[" * 20_000, "\x00"]


@pytest.mark.parametrize("text", ODD, ids=lambda text: text[:20])
def test_a_damaged_table_is_named(method, text):
    page = method(text)
    assert "validation" in page.warning[0].value
    assert page.code
