"""The little grammar that prompts need: words put into a text with the right article, and taken out of it."""

import re
import unicodedata

from store.words import Span, find_word, spaceless, word_places

ARTICLE = re.compile(r"\b(an?)(\s+)$", re.IGNORECASE)
SPELLED_WITH_A_VOWEL = "AEFHILMNORSX"  # letters whose own names begin with one: an MRI technician
SILENT_H = re.compile(r"(heir|honest|honou?r|hour)")
NUMBERS_WITH_A_VOWEL = re.compile(r"(8|1[18](?!\d))")  # eight, eleven, eighteen
VOWELS_LIKE_CONSONANTS = re.compile(  # a European, a one-man band, a unicorn, a user, a utility worker, a urologist
    r"(eu|ewe|one\b|once\b|u\b|ub[ei]|ufo|ugan|uk|uni(?=[cfoqstv]|$)|ur[aeiou]|us[aeu]|ut[aeio](?!h))"
)


def article(phrase: str) -> str:
    """Return *a* or *an*, by the sound that `phrase` begins with as far as its spelling tells."""
    first = re.split(r"[\W_]", phrase, maxsplit=1)[0]
    if len(first) > 1 and first.isupper():
        return "an" if first[0] in SPELLED_WITH_A_VOWEL else "a"
    plain = "".join(c for c in unicodedata.normalize("NFD", phrase.casefold()) if not unicodedata.combining(c))
    if SILENT_H.match(plain) or NUMBERS_WITH_A_VOWEL.match(plain):
        return "an"
    return "an" if plain[:1] in tuple("aeiou") and not VOWELS_LIKE_CONSONANTS.match(plain) else "a"


def replaced(text: str, span: Span, word: str) -> str:
    """Return `text` with `word` in place of the characters at `span`; an *a* or *an* right before it is made to fit."""

    def fitted(found: re.Match[str]) -> str:
        fits = article(word)
        return (fits.capitalize() if found[1][0].isupper() else fits) + found[2]

    return ARTICLE.sub(fitted, text[: span.start]) + word + text[span.stop :]


def places(template: str) -> list[str]:
    """Return the names in braces, in order."""
    return re.findall(r"\{(\w*)\}", template)


def fill(template: str, **words: str) -> str:
    """Return `template` with each {name} replaced by the word of that name; articles before a place are made to fit."""
    for found in reversed(list(re.finditer(r"\{(\w+)\}", template))):
        template = replaced(template, Span(*found.span()), words[found[1]])
    return template


def swapped(prompt: str, word: str, other: str) -> str:
    """Return `prompt` with `other` instead of `word`.

    Raises
    ------
    InputError: `word` is not in the prompt.
    """
    return replaced(prompt, find_word(prompt, word), other)


def without(prompt: str, *spans: Span) -> str:
    """Return `prompt` with the words at `spans` taken out of the text, and the gaps closed."""
    for start, stop in sorted(spans, reverse=True):
        gap = "" if spaceless(prompt, start) and spaceless(prompt, stop) else " "
        prompt = prompt[:start] + gap + prompt[stop:]
    return re.sub(r"\s+([,.;:!?])", r"\1", " ".join(prompt.split()))


def count(text: str, word: str) -> int:
    """Return how often `word` stands in `text` as whole words, whatever its case."""
    return sum(1 for _ in word_places(text, word))
