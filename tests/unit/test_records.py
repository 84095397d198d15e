import pytest

from store.errors import InputError
from store.records import Span, TokenPair
from store.words import prompt_words


def test_a_pair_stands_in_prompt_order_whatever_order_is_asked():
    pair = TokenPair.find("a female doctor", "doctor", "Female")
    assert pair.words == ("female", "doctor")
    assert (pair.first, pair.second) == (Span(2, 8), Span(9, 15))


def test_words_are_found_whole():
    assert TokenPair.find("a male and a female", "male", "female").first == Span(2, 6)
    assert TokenPair.find("a female and a male", "male", "female").second == Span(15, 19)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nurse", "doctor"), "pick from: a, female, doctor"),
        (("doctor", "Doctor"), "with itself"),
        (("", "doctor"), "''"),
    ],
)
def test_a_wrong_word_is_named_with_the_choice(words, said):
    with pytest.raises(InputError, match=said):
        TokenPair.find("a female doctor", *words)


def test_overlapping_phrases_are_refused():
    with pytest.raises(InputError, match="overlap"):
        TokenPair.find("a police officer", "police officer", "officer")


def test_words_of_a_prompt_are_listed_once():
    assert prompt_words("a cat, and a dog's well-worn toy") == ["a", "cat", "and", "dog's", "well-worn", "toy"]
