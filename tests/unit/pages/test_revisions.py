"""Pages of studies show one revision of a model, and let the reader choose where the store holds several."""

import pytest

from store import studies
from store.catalogue import Catalogue, Filter
from tests import synthetic

STUDIES = {
    "gender.py": "embedded-gender",
    "synonyms.py": "embedded-synonyms",
    "intervention.py": "embedded-intervention",
}
OLD, NEW = "0ld", "new"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    for name in STUDIES.values():
        for revision, created in ((NEW, "2026-02-01T00:00:00+00:00"), (OLD, "2026-01-01T00:00:00+00:00")):
            study = studies.load(name)
            about = {"strength": 1 + (revision == NEW), "created": created, "size": 16, "grid": 4, "limit": 3}
            synthetic.of_study(root, study, revision=revision, **about)
    return root


def boxes(page):
    return {box.label: box.value for box in page.app.selectbox}


@pytest.mark.parametrize("script", STUDIES)
def test_the_newest_revision_is_shown_until_another_is_chosen(opened, store, script):
    page = opened(script, store, model="embedded")
    assert (boxes(page)["Revision"], page.address["revision"]) == (NEW, NEW)
    shown = page.said
    page.choose("Revision", OLD)
    assert (boxes(page)["Revision"], page.address["revision"]) == (OLD, OLD)
    assert "several revisions" not in page.said and not page.app.error
    assert script == "intervention.py" or page.said != shown or page.figures()


def test_a_link_to_a_revision_that_is_not_there_says_so(opened, store):
    page = opened("gender.py", store, model="embedded", revision="gone")
    assert boxes(page)["Revision"] == "gone" and "holds nothing of this study" in page.said


def test_one_revision_needs_no_choice(opened, tmp_path):
    synthetic.bias(tmp_path, 2, size=16, grid=8, seeds=(0, 1))
    page = opened("gender.py", tmp_path, model="embedded")
    assert "Revision" not in boxes(page) and "revision" not in page.address


def test_a_row_leads_to_the_images_of_the_revision_shown(opened, store):
    subject = studies.load("embedded-gender").content.subjects[0]
    for revision in (OLD, NEW):
        page = opened("gender.py", store, model="embedded", revision=revision, subject=subject)
        wanted = Filter(study="embedded-gender", model="embedded", revision=revision, subject=subject)
        runs = {entry.run for entry in Catalogue(store).entries(wanted)}
        links = [each.proto.query_string for each in page.app.get("page_link") if "run=" in each.proto.query_string]
        assert links and all(any(f"run={run}" in link for run in runs) for link in links)
