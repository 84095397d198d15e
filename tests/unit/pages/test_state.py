"""The view: from an address and back, and what happens where the store does not hold what it names."""

import shlex
from dataclasses import replace

import pytest

from pages.address import view as address
from pages.address.view import Missing, View, resolve
from pages.widgets import notices
from store import hdf5
from store.catalogue import Catalogue
from tests import synthetic

FULL = View(
    store="demo",
    model="embedded",
    prompt="a female doctor & more",
    run="0123456789ab",
    pair="female+doctor",
    mode="cpid",
    seed="3",
    measure="mmi",
    quantity="synergy",
    level="image",
    band="3",
    unit="bits",
    opacity=35,
    threshold=20,
    region="8,0,64,40",
    maps="both",
)
LIST = View(model="embedded", filter="doctor", sort="unique_first", page="3")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    synthetic.fill(folder)
    return folder


@pytest.fixture(scope="module")
def listed(root):
    return Catalogue(root)


def test_an_address_holds_the_whole_view():
    assert View.parse(FULL.parameters("explorer")) == FULL


def test_an_address_says_only_what_its_page_needs():
    assert set(FULL.parameters("method")) == {"store", "model", "measure", "unit"}
    assert View().parameters("explorer") == {}
    assert LIST.parameters("") == {"model": "embedded", "filter": "doctor", "sort": "unique_first", "page": "3"}
    assert View.parse(LIST.parameters("")) == LIST
    assert LIST.parameters("explorer") == {"model": "embedded"}


@pytest.mark.parametrize(
    "odd",
    [
        {"opacity": "x"},
        {"opacity": "-4"},
        {"opacity": "\u0663"},
        {"unit": "bytes"},
        {"threshold": "half"},
        {"maps": "three"},
        {"region": "1,2,3"},
        {"region": "1,2,3,-4"},
        {"region": "1,2,3,4e9"},
        {"quantity": "?"},
        {"measure": "?"},
        {"level": "?"},
        {"band": "?"},
        {"band": "-1"},
        {"store": "/etc"},
        {"page": "-2"},
        {"table": "other"},
        {"scale": "?"},
    ],
)
def test_odd_display_values_fall_back(odd):
    assert View.parse(odd) == View()


@pytest.mark.parametrize("odd", ["", "-", "--created", "attention_first"])
def test_an_order_that_a_page_does_not_know_falls_back(odd):
    assert View(sort=odd).order(("created", "prompt"), "-created") == "-created"
    assert View(sort="-prompt").order(("created", "prompt"), "-created") == "-prompt"


def test_a_link_into_a_study_holds_the_whole_view():
    view = View(
        model="embedded",
        filter="doc",
        sort="-light skin",
        subject="police officer",
        seed="2",
        table="neutral",
        guidance="3",
        scale="information",
    )
    assert View.parse(view.parameters("ethnicity")) == view


def test_a_link_into_a_study_of_sentences_holds_the_whole_view():
    shown = {"model": "embedded", "study": "embedded-x", "guidance": "3", "mode": "cpid", "seed": "2", "band": "1"}
    chosen = {
        "homonyms": {"word": "mouse"},
        "synonyms": {"prompt": "a car", "pair": "car+automobile", "by": "alignment"},
        "intervention": {"prompt": "a cat and a car", "word": "cat", "change": "swapped", "predictor": "unique"},
    }
    for page, choice in chosen.items():
        view = View(**shown, **choice, opacity=20, threshold=40)
        assert View.parse(view.parameters(page)) == view


def test_opacity_is_at_most_whole():
    assert View.parse({"opacity": "9000"}).opacity == 100


def test_a_full_link_finds_its_entry(listed):
    entry = resolve(View(model="embedded", prompt="a male doctor", pair="male+doctor", mode="cpid"), listed)
    assert (entry.key.prompt, entry.pair, entry.mode) == ("a male doctor", "male+doctor", "cpid")


def test_a_link_of_an_entry_leads_to_that_entry(listed):
    for entry in listed.entries():
        assert resolve(address.view_of(entry, FULL), listed) == entry


def test_what_is_left_open_is_the_newest_in_the_usual_mode(listed):
    entry = resolve(View(model="embedded"), listed, "cpid")
    assert (entry.key.prompt, entry.mode) == ("a weak signal", "cpid")
    assert resolve(View(model="embedded", prompt="a lone doctor"), listed, "cpid").mode == "pid"


def test_words_may_be_named_in_either_order(listed):
    assert resolve(View(model="embedded", pair="doctor+male", prompt="a male doctor"), listed).pair == "male+doctor"


@pytest.mark.parametrize(
    ("field", "value"),
    [("model", "other"), ("prompt", "a cat"), ("run", "ffff"), ("pair", "a+female"), ("mode", "x")],
)
def test_what_is_missing_is_named_with_what_is_there(listed, field, value):
    view = replace(View(model="embedded", prompt="a female doctor", pair="female+doctor"), **{field: value})
    found = resolve(view, listed)
    assert isinstance(found, Missing)
    assert (found.field, found.value) == (field, value)
    assert found.there and value not in found.there
    assert bool(found.command) == (field not in ("run", "mode"))


def test_a_pair_is_found_in_whichever_run_holds_it(tmp_path):
    hdf5.publish(tmp_path, synthetic.record("a red car", ("red", "car")))
    hdf5.publish(
        tmp_path, synthetic.record("a red car", ("a", "red"), guidance=3.0, created="2026-05-05T00:00:00+00:00")
    )
    listed = Catalogue(tmp_path)
    found = resolve(View(model="embedded", prompt="a red car", pair="red+car"), listed)
    assert (found.pair, found.key.guidance) == ("red+car", 1.0)
    assert resolve(View(model="embedded", prompt="a red car"), listed).key.guidance == 3.0


def test_the_context_of_a_pair_can_be_computed_and_that_of_a_probe_cannot(listed):
    found = resolve(View(model="embedded", prompt="a lone doctor", mode="cpid"), listed)
    assert isinstance(found, Missing) and found.there == ("pid",) and found.command
    probe = View(model="embedded", prompt="a female doctor", pair="male+doctor")
    assert resolve(probe, listed, "cpid").mode == "pid"
    found = resolve(replace(probe, mode="cpid"), listed)
    assert isinstance(found, Missing) and found.there == ("pid",) and not found.command


def test_an_empty_store_has_nothing_to_show(tmp_path):
    assert resolve(View(), Catalogue(tmp_path)) is None


def test_the_measure_never_hides_an_entry(listed):
    view = View(model="embedded", prompt="a male doctor", mode="cpid")
    assert resolve(replace(view, measure="aligned"), listed) == resolve(view, listed)


def test_the_command_computes_what_is_missing(listed):
    view = View(
        model="embedded", prompt="a female doctor", pair="a+female", measure="ccs"
    )  # whatever measure: files hold them all
    words = shlex.split(resolve(view, listed).command)
    assert words[:4] == ["python", "-m", "compute", "run"]
    expected = ["--prompt", "a female doctor", "--pair", "a", "female", "--seeds", "4"]
    assert words[6:] == [*expected, "--store", str(listed.root)]


@pytest.mark.parametrize("prompt", ['say "hi"', "$(rm -rf x)", "it's 5 o'clock", "a; b && c", "back\\slash", "`x`"])
def test_a_prompt_is_one_word_of_the_command(prompt, tmp_path):
    words = shlex.split(address.command(View(model="m", prompt=prompt, pair="a+b"), tmp_path))
    assert words[words.index("--prompt") + 1] == prompt


def test_markdown_is_shown_as_it_is():
    assert notices.plain("<b>x</b> *y*") == r"\<b\>x\<\/b\> \*y\*"


def test_words_that_the_prompt_lacks_are_asked_for_as_a_probe(tmp_path):
    synthetic.hdf5.publish(tmp_path, synthetic.record())
    listed = Catalogue(tmp_path)
    found = address.resolve(address.View(prompt="a female doctor", pair="green+doctor"), listed)
    assert found.field == "pair" and "--probe green doctor --seeds" in found.command
    found = address.resolve(address.View(prompt="a cat", pair="green+doctor"), listed)
    assert found.field == "prompt" and "--probe green doctor --seeds" in found.command


@pytest.mark.parametrize("pair", ["doctor", "+doctor", "green+Green", "doctor+doctor"])
def test_no_command_is_offered_for_what_is_no_two_words(tmp_path, pair):
    synthetic.hdf5.publish(tmp_path, synthetic.record())
    listed = Catalogue(tmp_path)
    found = address.resolve(address.View(prompt="a female doctor", pair=pair), listed)
    assert found.field == "pair" and found.command == ""
    assert "--pair WORD WORD" in address.command(address.View(model="m", prompt="a cat"), tmp_path)


def test_a_probe_is_called_one():
    assert address.pair_label("a female doctor", "female+doctor") == "female + doctor"
    assert address.pair_label("a female doctor", "male+doctor") == "male + doctor (probe)"
