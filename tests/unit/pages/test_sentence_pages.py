"""The pages of studies of sentences: what is not there is said, and another study can be chosen."""

import shutil
from dataclasses import replace

import pytest

from pages.widgets.notices import JOB_FORM
from store import studies
from store.studies import Study
from tests import synthetic

SEEDS = (0, 1)


def few(name: str, count: int) -> Study:
    """The first sentences of a study that ships."""
    asked = studies.load(name)
    field = "changes" if asked.kind == "intervention" else "sentences"
    return replace(asked, content=replace(asked.content, **{field: getattr(asked.content, field)[:count]}))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with parts of two studies of pairs."""
    root = tmp_path_factory.mktemp("store")
    for name in ("embedded-synonyms", "embedded-cohyponyms"):
        synthetic.of_study(root, few(name, 2), seeds=SEEDS, size=16, grid=8)
    return root


@pytest.mark.parametrize("name", ["homonyms", "synonyms", "intervention"])
def test_an_empty_store_offers_the_command_of_the_study(opened, name):
    page = opened(f"{name}.py")
    assert "Nothing computed yet" in page.said
    assert page.app.code[0].value.startswith(f"python -m compute study embedded-{name} --model embedded")


def test_a_sentence_that_is_not_there_is_said_and_leads_to_one_that_is(opened, store):
    page = opened("synonyms.py", store, model="embedded", study="embedded-synonyms", prompt="a *cat*")
    assert "the store does not hold: prompt a *cat* (study embedded-synonyms)" in page.said
    page.press(few("embedded-synonyms", 1).content.sentences[0].pair.prompt)
    assert "The two words" in page.said


def test_a_study_that_nobody_knows_is_said(opened, store):
    assert "the store does not hold: study riddles" in opened("homonyms.py", store, model="m", study="riddles").said


def test_another_study_is_chosen_and_its_sentences_with_it(opened, store):
    page = opened("synonyms.py", store, model="embedded")
    for name in ("embedded-cohyponyms", "embedded-synonyms"):
        page.choose("Study", name)
        first = few(name, 1).content.sentences[0].pair
        assert f"The two words: {' and '.join(first.words)}" in page.said
        assert page.address["study"] == name
    page.choose("Failed images", "leave")
    assert "images do not show what was asked and are left out of tables" in page.said or page.app.error


def test_images_too_small_to_be_compared_are_said(opened, tmp_path):
    synthetic.of_study(tmp_path, few("embedded-intervention", 2), seeds=SEEDS, size=8, grid=4)
    page = opened("intervention.py", tmp_path, model="embedded")
    assert "images of 8 x 8 pixels: too small for SSIM" in page.said
    assert "No image of a changed prompt is there yet to compare with." in page.said


@pytest.mark.parametrize("script", ["gender.py", "ethnicity.py", "homonyms.py", "intervention.py"])
def test_a_study_file_with_the_name_of_one_that_ships_is_said(opened, tmp_path, script):
    page_of = {"gender.py": "gender", "ethnicity.py": "tone"}
    name = f"embedded-{page_of.get(script, script.removesuffix('.py'))}"
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / f"{name}.toml").write_text("title = 1")
    (tmp_path / "store").mkdir()
    page = opened(script, tmp_path / "store")
    assert f"a study that ships is called {name} too; rename the file" in page.said
    page.app.session_state[JOB_FORM] = True
    page.run()


def test_beside_a_study_whose_file_is_wrong_the_others_are_shown(opened, store, tmp_path):
    root = shutil.copytree(store, tmp_path / "store")
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "embedded-synonyms.toml").write_text("title = 1")
    page = opened("synonyms.py", root, model="embedded")
    assert "a study that ships is called embedded-synonyms too" in page.said
    first = few("embedded-cohyponyms", 1).content.sentences[0].pair
    assert f"The two words: {' and '.join(first.words)}" in page.said


def test_one_of_a_kind_is_counted_as_one(opened, tmp_path):
    synthetic.of_study(tmp_path, few("embedded-intervention", 1), seeds=(0,), size=16, grid=8)
    said = opened("intervention.py", tmp_path, model="embedded").said
    assert "Pearson correlation over 1 image of 1 prompt." in said
