"""From a view to an entry of the catalogue, and what is said where the store does not hold what it names."""

import shlex
from dataclasses import replace

import pytest

from pages.address import ExplorerView
from pages.data.selection import Missing, resolve, view_of
from pages.data.shell_commands import pair_label, run_command
from pages.widgets import notices
from store import hdf5
from store.catalogue import Catalogue
from tests import synthetic


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    synthetic.fill(folder)
    return folder


@pytest.fixture(scope="module")
def listed(root):
    return Catalogue(root)


def test_a_full_link_finds_its_entry(listed):
    entry = resolve(ExplorerView(model="embedded", prompt="a male doctor", pair="male+doctor", mode="cpid"), listed)
    assert (entry.key.prompt, entry.pair, entry.mode) == ("a male doctor", "male+doctor", "cpid")


def test_a_link_of_an_entry_leads_to_that_entry(listed):
    for entry in listed.entries():
        assert resolve(view_of(entry, ExplorerView(opacity=35, unit="bits")), listed) == entry


def test_what_is_left_open_is_the_newest_in_the_usual_mode(listed):
    entry = resolve(ExplorerView(model="embedded"), listed, "cpid")
    assert (entry.key.prompt, entry.mode) == ("a weak signal", "cpid")
    assert resolve(ExplorerView(model="embedded", prompt="a lone doctor"), listed, "cpid").mode == "pid"


def test_words_may_be_named_in_either_order(listed):
    assert (
        resolve(ExplorerView(model="embedded", pair="doctor+male", prompt="a male doctor"), listed).pair
        == "male+doctor"
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [("model", "other"), ("prompt", "a cat"), ("run", "ffff"), ("pair", "a+female"), ("mode", "x")],
)
def test_what_is_missing_is_named_with_what_is_there(listed, field, value):
    view = replace(ExplorerView(model="embedded", prompt="a female doctor", pair="female+doctor"), **{field: value})
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
    found = resolve(ExplorerView(model="embedded", prompt="a red car", pair="red+car"), listed)
    assert (found.pair, found.key.guidance) == ("red+car", 1.0)
    assert resolve(ExplorerView(model="embedded", prompt="a red car"), listed).key.guidance == 3.0


def test_the_context_of_a_pair_can_be_computed_and_that_of_a_probe_cannot(listed):
    found = resolve(ExplorerView(model="embedded", prompt="a lone doctor", mode="cpid"), listed)
    assert isinstance(found, Missing) and found.there == ("pid",) and found.command
    probe = ExplorerView(model="embedded", prompt="a female doctor", pair="male+doctor")
    assert resolve(probe, listed, "cpid").mode == "pid"
    found = resolve(replace(probe, mode="cpid"), listed)
    assert isinstance(found, Missing) and found.there == ("pid",) and not found.command


def test_an_empty_store_has_nothing_to_show(tmp_path):
    assert resolve(ExplorerView(), Catalogue(tmp_path)) is None


def test_the_measure_never_hides_an_entry(listed):
    view = ExplorerView(model="embedded", prompt="a male doctor", mode="cpid")
    assert resolve(replace(view, measure="aligned"), listed) == resolve(view, listed)


def test_the_command_computes_what_is_missing(listed):
    view = ExplorerView(
        model="embedded", prompt="a female doctor", pair="a+female", measure="ccs"
    )  # whatever measure: files hold them all
    words = shlex.split(resolve(view, listed).command)
    assert words[:4] == ["python", "-m", "compute", "run"]
    expected = ["--prompt", "a female doctor", "--pair", "a", "female", "--seeds", "4"]
    assert words[6:] == [*expected, "--store", str(listed.root)]


@pytest.mark.parametrize("prompt", ['say "hi"', "$(rm -rf x)", "it's 5 o'clock", "a; b && c", "back\\slash", "`x`"])
def test_a_prompt_is_one_word_of_the_command(prompt, tmp_path):
    words = shlex.split(run_command(ExplorerView(model="m", prompt=prompt, pair="a+b"), tmp_path))
    assert words[words.index("--prompt") + 1] == prompt


def test_markdown_is_shown_as_it_is():
    assert notices.plain("<b>x</b> *y*") == r"\<b\>x\<\/b\> \*y\*"


def test_words_that_the_prompt_lacks_are_asked_for_as_a_probe(tmp_path):
    synthetic.hdf5.publish(tmp_path, synthetic.record())
    listed = Catalogue(tmp_path)
    found = resolve(ExplorerView(prompt="a female doctor", pair="green+doctor"), listed)
    assert found.field == "pair" and "--probe green doctor --seeds" in found.command
    found = resolve(ExplorerView(prompt="a cat", pair="green+doctor"), listed)
    assert found.field == "prompt" and "--probe green doctor --seeds" in found.command


@pytest.mark.parametrize("pair", ["doctor", "+doctor", "green+Green", "doctor+doctor"])
def test_no_command_is_offered_for_what_is_no_two_words(tmp_path, pair):
    synthetic.hdf5.publish(tmp_path, synthetic.record())
    listed = Catalogue(tmp_path)
    found = resolve(ExplorerView(prompt="a female doctor", pair=pair), listed)
    assert found.field == "pair" and found.command == ""
    assert "--pair WORD WORD" in run_command(ExplorerView(model="m", prompt="a cat"), tmp_path)


def test_a_probe_is_called_one():
    assert pair_label("a female doctor", "female+doctor") == "female + doctor"
    assert pair_label("a female doctor", "male+doctor") == "male + doctor (probe)"
