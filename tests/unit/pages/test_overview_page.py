"""Lists of results: filter, order, paging, new and broken files, many prompts, and a store without results."""

import pytest

from store import hdf5
from store.catalogue import Catalogue
from tests import synthetic


@pytest.fixture
def store(tmp_path):
    """A store with two prompts."""
    hdf5.publish(tmp_path, synthetic.record())
    hdf5.publish(tmp_path, synthetic.record("a green apple", ("green", "apple"), together=0.7))
    return tmp_path


def test_an_empty_store_offers_the_command_and_the_demo(opened):
    command = '--prompt "a female doctor" --pair female doctor --seeds 4 --store'
    for script in ("overview.py", "explorer.py"):
        page = opened(script)
        assert "Nothing computed yet" in page.said
        assert page.app.code[0].value.startswith(f"python -m compute run --model embedded {command}")
    page.press("Open the demo store")
    assert page.address["store"] == "demo" and "Demo store" in [each.value for each in page.app.sidebar.text]
    assert page.figures() >= 3


def test_files_that_cannot_be_used_are_named_and_the_rest_is_shown(opened, store):
    torn = hdf5.publish(store, synthetic.record("a torn page", ("torn", "page")))
    synthetic.truncate(torn)
    later = hdf5.publish(store, synthetic.record("a later page", ("later", "page")))
    synthetic.make_newer(later)
    page = opened("overview.py")
    for text in ("2 files of the store cannot be used", torn.name, "python -m store repair", later.name, "update"):
        assert text in page.said
    assert "a green apple" in page.said


@pytest.mark.parametrize("script", ["overview.py", "jobs.py", "method.py"])
def test_a_wrong_setting_is_named_and_the_page_is_there(opened, store, monkeypatch, script):
    monkeypatch.setenv("DIFFUSIONPID_MAX_JOBS", "*many*")
    page = opened(script)
    assert "DIFFUSIONPID_MAX_JOBS: '*many*' is no whole number from 0 up; write it in digits" in page.said
    assert page.app.title


def test_the_filter_narrows_the_list_and_stands_in_the_address(opened, store):
    page = opened("overview.py")
    assert "a green apple" in page.said
    page.type("Filter by words of the prompt", "DOCTOR")
    assert "a green apple" not in page.said and "a female doctor" in page.said
    assert page.address == {"model": "embedded", "filter": "DOCTOR"}


def test_new_files_appear(opened, store):
    page = opened("overview.py")
    hdf5.publish(store, synthetic.record("a new thing", ("new", "thing")))
    assert "a new thing" in page.choose("Unit", "bits").said


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """A store with 201 prompts and 804 entries."""
    root = tmp_path_factory.mktemp("long")
    assert len(list(synthetic.many(root, 201))) == 201
    return root


def test_a_long_list_is_sorted_and_paged_and_a_link_keeps_both(opened, long):
    page = opened("overview.py", long, model="embedded")
    assert "1\u201350 of 804" in page.said
    assert next(each for each in page.app.button if each.label == "Previous").disabled
    page.choose("Sort", "Largest S").press("Next")
    assert "51\u2013100 of 804" in page.said
    assert page.address == {"model": "embedded", "sort": "-synergy", "page": "2"}
    page = opened("overview.py", long, **page.address)
    assert "51\u2013100 of 804" in page.said
    entry = Catalogue(long).page(sort="synergy", offset=50)[0]
    assert entry.key.prompt in page.app.dataframe[0].value.iloc[0].to_list()
    page.type("Filter by words of the prompt", "number 200")
    assert "of 804" not in page.said
    assert page.address == {"model": "embedded", "sort": "-synergy", "filter": "number 200"}


def test_one_of_many_prompts_is_found_by_its_words(opened, long):
    prompt = Catalogue(long).values("prompt", limit=201)[-1]
    page = opened("explorer.py", long)
    page.type("Find prompts", prompt.rpartition(", ")[2].upper()).choose("Prompt", prompt)
    assert page.address["prompt"] == prompt
    page.type("Find prompts", "")
    assert next(each for each in page.app.selectbox if each.label == "Prompt").value == prompt


def test_every_study_has_a_card_with_its_answer_and_the_way_to_its_page(opened, demo_store):
    page = opened("overview.py", demo_store, model="embedded")
    assert "What the studies find" in page.said
    for text in (
        "Of 20 occupations",
        "keep their direction in all 6 combinations",
        "In 11 of 14 sentences",
        "No for how much an image changes",
        "Without the 34 of 552 images that do not show what was asked: No for how much an image changes",
        "is unique to one of them",
        "Complete.",
    ):
        assert text in page.said
    links = [each.proto for each in page.app.get("page_link")]
    assert any(link.page == "gender" and "model=embedded" in link.query_string for link in links)
    assert page.figures() >= 6
    page = opened("overview.py", demo_store, model="embedded", filter="doctor")
    assert "What the studies find" not in page.said


def test_a_study_that_has_just_begun_says_so_on_its_card(opened, tmp_path):
    synthetic.bias(tmp_path, 1, seeds=(0,), size=8, grid=4)
    said = opened("overview.py").said
    assert "too few images to say" in said and "2 of 320 computed" in said
