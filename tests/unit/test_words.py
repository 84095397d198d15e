"""Words of a text, in every script."""

import pytest

from store.errors import InputError
from store.prompts.conditions import all_pairs
from store.prompts.wording import count, without
from store.records import Probe, Span, TokenPair
from store.words import find_word, place_of, prompt_words

DECOMPOSED, COMPOSED = "a cafe\u0301 and a dog", "caf\u00e9"


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a cat, and a dog's well-worn toy", ["a", "cat", "and", "dog's", "well-worn", "toy"]),
        ("एक बिल्ली और कुत्ता", ["एक", "बिल्ली", "और", "कुत्ता"]),
        ("قِطَّة وَكَلْب", ["قِطَّة", "وَكَلْب"]),
        ("แมวและสุนัข กิน", ["แมวและสุนัข", "กิน"]),
        ("一只猫", ["一", "只", "猫"]),
        (DECOMPOSED, ["a", "cafe\u0301", "and", "dog"]),
        ("a 🐶🐱 and 👩‍👩‍👧, 👍🏽 🇩🇪🇫🇷 1️⃣", ["a", "🐶", "🐱", "and", "👩‍👩‍👧", "👍🏽", "🇩🇪", "🇫🇷", "1️⃣"]),
        ("a <cat-toy> in 3.5 m", ["a", "<cat-toy>", "in", "3.5", "m"]),
        ("the 90's -- a co\u2011op", ["the", "90's", "a", "co\u2011op"]),
        ("A cat and a Cat", ["A", "cat", "and"]),
        (" ... ", []),
    ],
)
def test_words_are_whole_in_every_script(prompt, words):
    assert prompt_words(prompt) == words
    for word in words:
        assert prompt[slice(*find_word(prompt, word))] == word


def test_composed_and_decomposed_letters_are_the_same_and_spans_point_into_the_prompt_as_it_is():
    span = find_word(DECOMPOSED, COMPOSED)
    assert DECOMPOSED[slice(*span)] == "cafe\u0301"
    assert TokenPair.find(DECOMPOSED, COMPOSED, "DOG").words == ("cafe\u0301", "dog")
    with pytest.raises(InputError, match="with itself"):
        TokenPair.find(DECOMPOSED, COMPOSED, "cafe\u0301")


@pytest.mark.parametrize(
    ("prompt", "part"),
    [
        (DECOMPOSED, "cafe"),
        ("a red-haired cat", "red"),
        ("a nurse's hat", "nurse"),
        ("a <cat-toy>", "cat"),
        ("एक बिल्ली", "बिल"),
        ("👩‍👩‍👧", "👩"),
        ("🇩🇪🇫🇷", "🇪🇫"),
    ],
)
def test_a_part_of_a_word_is_no_word_but_stays_readable(prompt, part):
    with pytest.raises(InputError, match="as a whole word"):
        find_word(prompt, part)
    assert count(prompt, part) == 0
    place = place_of(prompt, part)
    assert place is None or prompt[slice(*place)] == part


def test_a_whole_word_comes_before_a_part_of_one():
    assert place_of("red-haired in red", "red") == find_word("red-haired in red", "red") == Span(14, 17)
    assert place_of("a red-haired cat", "red") == Span(2, 5)
    assert place_of("a cat", "dog") is None


def test_any_part_of_a_text_without_spaces_can_be_chosen():
    prompt = "一只猫和一只狗"
    assert TokenPair.find(prompt, "狗", "猫").words == ("猫", "狗")
    assert find_word("แมวและสุนัข", "แมว") == Span(0, 3)
    assert count(prompt, "一只") == 2
    assert without(prompt, find_word(prompt, "猫")) == "一只和一只狗"


def test_all_pairs_of_a_prompt_pair_no_word_with_itself():
    assert [pair.words for pair in all_pairs("A cat and a Cat")] == [("A", "cat"), ("A", "and"), ("cat", "and")]


def test_a_probe_of_a_part_of_a_word_is_none_of_a_pair():
    assert Probe.about("a red-haired cat", "red", "cat").words == ("red", "cat")
