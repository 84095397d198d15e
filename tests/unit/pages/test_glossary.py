"""The glossary on the Method page, and the help texts that lead there."""

import re

import pytest

from pages.data import glossary
from pages.figures.quantities import MAPS
from pages.registry import PAGES
from store.pid.measures import MEASURES
from tests import synthetic
from tests.unit.pages.test_sentence_pages import few

TERMS = [term for terms in glossary.topics().values() for term in terms]
ANCHORS = {term.anchor for term in TERMS}
EXPECTED = {  # page -> some terms that its help texts lead to
    "": {"information", "redundancy", "mode", "standard-error"},
    "gender": {"mode", "level", "normalised", "neutral-probe", "gap", "q", "contrast"},
    "homonyms": {"mode", "seed", "gain", "nearest-to-its-own-sense", "failed-image"},
    "synonyms": {"mode", "seed", "opacity-threshold"},
    "intervention": {"intervention", "predictor"},
    "explorer": {"mode", "level", "redundancy", "aligned", "region"},
    "jobs": {"job", "state"},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with something for each page."""
    root = tmp_path_factory.mktemp("store")
    synthetic.bias(root, 2, size=16, grid=8, seeds=(0, 1))
    for name in ("homonyms", "synonyms", "intervention"):
        synthetic.of_study(root, few(f"embedded-{name}", 2), seeds=(0, 1), size=16, grid=8)
    return root


@pytest.mark.parametrize("address", PAGES)
def test_help_texts_lead_to_terms_that_there_are(opened, store, address):
    found = opened(PAGES[address].script, store, model="embedded").links()
    assert {"measure", "unit", "aligned"} <= found <= ANCHORS
    assert EXPECTED.get(address, set()) <= found


def test_quantities_and_measures_have_a_term_each():
    assert {quantity.anchor for quantity in MAPS.values()} <= ANCHORS
    assert set(MEASURES) <= ANCHORS


def test_the_method_page_shows_every_term_under_its_anchor(opened, store):
    said = "\n".join(each.value for each in opened("method.py", store).app.markdown)
    assert len(TERMS) > 90
    for term in TERMS:
        assert f"##### {term.name}\n" in said
        assert re.sub(r"\W+", "-", term.name.casefold()) == term.anchor  # as Streamlit makes anchors of headings
