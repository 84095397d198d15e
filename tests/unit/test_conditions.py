import pytest

from compute.analytic import GATES, AnalyticDenoiser
from compute.conditions import Row, of_pair, unseen, without
from compute.models import registry
from store.errors import InputError
from store.records import Span, TokenPair


@pytest.fixture(scope="module")
def letters(epsilon_folder):
    return registry.load(str(epsilon_folder), device="cpu")


def test_isolated_and_in_context_rows(letters):
    conditions = of_pair(TokenPair.find("a cat, and a dog", "cat", "dog"), letters)
    row = conditions.rows["cpid"]
    assert [conditions.texts[i] for i in (row.base, row.first, row.second, row.both)] == [
        "a, and a", "a cat, and a", "a, and a dog", "a cat, and a dog",
    ]  # fmt: skip
    row = conditions.rows["pid"]
    assert [conditions.texts[i] for i in (row.base, row.first, row.second, row.both)] == ["", "cat", "dog", "cat dog"]


def test_equal_texts_are_evaluated_once():
    gate = AnalyticDenoiser(GATES["UNQ"])
    conditions = of_pair(TokenPair.find("a0 b1", "a0", "b1"), gate)
    assert conditions.texts == ("", "a0", "b1", "a0 b1")
    assert conditions.rows["pid"] == conditions.rows["cpid"] == Row(0, 1, 2, 3)
    assert len(conditions.edges) == 6


def test_a_prompt_beyond_the_limit_names_what_would_be_lost(letters):
    prompt = "abcdefghij " * 7 + "klmno last"
    with pytest.raises(InputError, match="cut off 'last'"):
        of_pair(TokenPair.find(prompt, "abcdefghij", "klmno"), letters)


def test_words_that_the_model_reads_alike_are_refused(letters):
    with pytest.raises(InputError, match="same tokens"):
        of_pair(TokenPair.find("é cat ü", "é", "ü"), letters)


def test_gaps_close():
    assert without("a red, big cat", Span(2, 5), Span(7, 10)) == "a, cat"


def test_words_that_training_never_showed_are_named(letters):
    gate = AnalyticDenoiser(GATES["UNQ"])
    assert unseen("a0 zebra B1", gate) == ["zebra"]
    assert unseen("any word", letters) == []
