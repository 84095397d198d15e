"""The table of checks on the Method page: absent, sound, and damaged."""

import json

import pytest

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
def method(opened, tmp_path, monkeypatch):
    """Opens the Method page where the table of checks holds a text, or is absent."""
    monkeypatch.setattr(settings, "VALIDATION", tmp_path / "validation.json")

    def at(text):
        if text is not None:
            (tmp_path / "validation.json").write_text(text, encoding="utf-8")
        return opened("method.py").app

    return at


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
