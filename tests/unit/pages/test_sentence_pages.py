"""The pages of studies of sentences: what is not there is said, and another study can be chosen."""

from dataclasses import replace

import pytest

from store import studies
from store.studies import Study
from tests import synthetic

SEEDS = (0, 1)


def few(name: str, count: int) -> Study:
    """The first sentences of a study that ships."""
    asked = studies.load(name)
    return replace(asked, content=replace(asked.content, sentences=asked.content.sentences[:count]))


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
