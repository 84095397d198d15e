"""Names of pairs: no two pairs have the same, in files, lists and addresses, and old names are still understood."""

from dataclasses import replace

import h5py
import pytest

from store import hdf5
from store.catalogue import Catalogue, Filter
from store.hdf5.names import group_name, old_group_name, pair_of_group
from store.records import Probe, Span, TokenPair, pair_name, pair_readings, pair_words
from tests import synthetic

PROMPT = "a red+green+blue balloon"
ONE, OTHER = ("red+green", "blue"), ("red", "green+blue")
OLD_LINKS = [("female", "doctor"), ONE, OTHER, ("50%", "off")]
WORDS = [*OLD_LINKS, ("%2B", "+"), ("%252B", "a"), ("na\u00efve", "caf\u00e9")]


def publish(root, words, **how):
    return hdf5.publish(root, synthetic.record(PROMPT, words, **synthetic.SMALL | how))


def named_as_before(path):
    """Give each group the name that it had when a plus sign inside a word was not encoded."""
    with h5py.File(path, "r+") as file:
        for name, group in list(file["pairs"].items()):
            words = group.attrs["first"], group.attrs["second"]
            if name != old_group_name(words):
                file["pairs"].move(name, old_group_name(words))


@pytest.mark.parametrize("words", WORDS)
def test_a_name_says_its_words(words):
    assert pair_words(pair_name(*words)) == words
    assert pair_of_group(group_name(words)) == pair_name(*words)


@pytest.mark.parametrize("words", OLD_LINKS)
def test_old_links_are_understood(words):
    assert words in pair_readings("+".join(words))


def test_no_two_pairs_have_the_same_name():
    assert len({pair_name(*words) for words in WORDS}) == len({group_name(words) for words in WORDS}) == len(WORDS)
    assert pair_name("female", "doctor") == group_name(("female", "doctor")) == "female+doctor"


@pytest.mark.parametrize("probe", [False, True])
def test_pairs_whose_words_join_to_the_same_text_stay_apart(tmp_path, probe):
    path = publish(tmp_path, ONE, probe=probe)
    before = hdf5.read(path).result(ONE)
    publish(tmp_path, OTHER, probe=probe)
    record = hdf5.read(path)
    assert {result.pair.words for result in record.pairs} == {ONE, OTHER}
    kind = Probe if probe else TokenPair
    assert all(isinstance(result.pair, kind) for result in record.pairs)
    assert record.result(ONE).noises == before.noises
    assert hdf5.problems(path) == []
    listed = list(Catalogue(tmp_path).entries())
    assert {(entry.first, entry.second) for entry in listed} == {ONE, OTHER}
    for entry in listed:
        assert hdf5.read(path, entry.pair).pairs[0].pair.words == (entry.first, entry.second)
        assert {found.pair for found in Catalogue(tmp_path).entries(Filter(pair=entry.pair))} == {entry.pair}


@pytest.mark.parametrize("words", [ONE, OTHER])
def test_a_file_with_an_old_name_is_read_and_written_on(tmp_path, words):
    path = publish(tmp_path, words)
    named_as_before(path)
    assert hdf5.problems(path) == []
    assert hdf5.read(path, pair_name(*words)).pairs[0].pair.words == words
    publish(tmp_path, words, seeds=(7,))
    (result,) = hdf5.read(path).pairs
    assert result.pair.words == words and 7 in result.seeds and len(result.seeds) > 1
    named_as_before(path)
    publish(tmp_path, OTHER if words == ONE else ONE)
    assert {result.pair.words for result in hdf5.read(path).pairs} == {ONE, OTHER}
    assert hdf5.problems(path) == []


def test_bundles_and_copies_keep_pairs_apart(tmp_path):
    path = publish(tmp_path / "store", ONE)
    named_as_before(path)
    publish(tmp_path / "store", OTHER)
    selection = {path: {pair_name(*ONE), pair_name(*OTHER)}}
    list(hdf5.write_bundle(tmp_path / "all.h5", selection))
    assert list(hdf5.read_bundle(tmp_path / "other", tmp_path / "all.h5")) == [(PROMPT, [])]
    list(hdf5.condense(tmp_path / "small", selection))
    for root in ("other", "small"):
        (copy,) = hdf5.paths(tmp_path / root)
        assert {result.pair.words for result in hdf5.read(copy).pairs} == {ONE, OTHER}
        assert hdf5.problems(copy) == []


def test_the_same_words_elsewhere_in_the_prompt_are_not_joined(tmp_path):
    """Words are found at their first place, but what a word is may change with the software."""
    prompt = "a red-haired man with a red hat"
    record = synthetic.record(prompt, ("red", "hat"), **synthetic.SMALL)
    path = hdf5.publish(tmp_path, record)
    (result,) = record.pairs
    moved = replace(result, pair=TokenPair(prompt, Span(2, 5), result.pair.second))
    assert moved.pair.words == result.pair.words and moved.pair != result.pair
    hdf5.publish(tmp_path, replace(record, pairs=(moved.of_seeds(moved.seeds[:1]),)))
    (after,) = hdf5.read(path).pairs
    assert after.pair == moved.pair and after.seeds == moved.seeds[:1]


def test_a_renamed_group_is_found(tmp_path):
    path = publish(tmp_path, ONE)
    with h5py.File(path, "r+") as file:
        file["pairs"].move(group_name(ONE), "other+words")
    (problem,) = hdf5.problems(path)
    assert "its name is not that of its words" in str(problem)
