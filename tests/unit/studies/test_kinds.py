"""Kinds of studies are found from one registry."""

import pytest

from store import studies
from store.studies import KINDS, studies_of_page
from tests.conftest import ROOT

PAGES = [page for kind in KINDS.values() for page in kind.pages]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_a_kind_is_there_and_has_a_study_that_ships(page):
    assert (ROOT / "pages" / f"{page}.py").is_file()
    shown = [name for name in studies_of_page(page) if {name, f"embedded-{name}"} & {*studies.names()}]
    assert shown
    for name in shown:
        kind = studies.load(name, model="embedded").kind
        assert page in KINDS[kind].pages


def test_a_page_belongs_to_one_kind_and_others_to_none():
    assert len(PAGES) == len(set(PAGES))
    assert studies_of_page("jobs") == ()
