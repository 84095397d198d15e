import pytest

from compute.checks.analytic import GATES, AnalyticDenoiser
from compute.models import registry
from store.errors import InputError
from store.prompts.conditions import Row, all_pairs, of_pairs, unseen, without
from store.records import Probe, Span, TokenPair


@pytest.fixture(scope="module")
def letters(epsilon_folder):
    return registry.load(str(epsilon_folder), device="cpu")


def test_isolated_and_in_context_rows(letters):
    pair = TokenPair.find("a cat, and a dog", "cat", "dog")
    conditions = of_pairs([pair], letters)
    row = conditions.rows[pair, "cpid"]
    assert [conditions.texts[i] for i in (row.base, row.first, row.second, row.both)] == [
        "a, and a", "a cat, and a", "a, and a dog", "a cat, and a dog",
    ]  # fmt: skip
    row = conditions.rows[pair, "pid"]
    assert [conditions.texts[i] for i in (row.base, row.first, row.second, row.both)] == ["", "cat", "dog", "cat dog"]


def test_equal_texts_are_evaluated_once():
    gate = AnalyticDenoiser(GATES["UNQ"])
    pair = TokenPair.find("a0 b1", "a0", "b1")
    conditions = of_pairs([pair], gate)
    assert conditions.texts == ("", "a0", "b1", "a0 b1")
    assert conditions.texts[conditions.whole] == "a0 b1"
    assert conditions.rows[pair, "pid"] == conditions.rows[pair, "cpid"] == Row(0, 1, 2, 3)
    assert len(conditions.edges) == 6


def test_a_prompt_beyond_the_limit_names_what_would_be_lost(letters):
    prompt = "abcdefghij " * 7 + "klmno last"
    with pytest.raises(InputError, match="cut off 'last'"):
        of_pairs([TokenPair.find(prompt, "abcdefghij", "klmno")], letters)


def test_words_that_the_model_reads_alike_are_refused(letters):
    with pytest.raises(InputError, match="same tokens"):
        of_pairs([TokenPair.find("é cat ü", "é", "ü")], letters)


def test_gaps_close():
    assert without("a red, big cat", Span(2, 5), Span(7, 10)) == "a, cat"


def test_words_that_training_never_showed_are_named(letters):
    gate = AnalyticDenoiser(GATES["UNQ"])
    assert unseen("a0 zebra B1", gate) == ["zebra"]
    assert unseen("any word", letters) == []


def test_words_that_the_tokenizer_has_no_token_for_are_named(letters):
    assert unseen("a naïve cat, 医者", letters) == ["naïve", "医", "者"]


def test_all_pairs_of_a_prompt_share_their_texts(letters):
    pairs = all_pairs("one two three four five six")
    assert len(pairs) == 15
    together = len(of_pairs(pairs, letters).texts)
    apart = sum(len(of_pairs([pair], letters).texts) for pair in pairs)
    assert together == 44
    assert together <= 0.4 * apart


def test_pairs_of_chosen_words_alone():
    assert [pair.name for pair in all_pairs("a red cat", ["cat", "red"])] == ["red+cat"]


def test_a_probe_has_no_context_and_its_words_need_not_be_there(letters):
    probe = Probe.about("a doctor", "male", "doctor")
    conditions = of_pairs([probe], letters)
    assert conditions.texts == ("", "male", "doctor", "male doctor")
    assert list(conditions.rows) == [(probe, "pid")]
    assert conditions.whole == -1


@pytest.mark.parametrize(
    ("words", "said"), [(("male", "doctor"), "as a pair"), (("cat", "Cat"), "different"), (("", "cat"), "different")]
)
def test_a_probe_that_is_none_is_refused(words, said):
    with pytest.raises(InputError, match=said):
        Probe.about("a male doctor", *words)
