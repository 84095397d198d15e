"""Words of a text as Unicode has them: which words a prompt has, and where a word stands in it.

Words end where Unicode Standard Annex 29 puts word boundaries. Four rules go beyond it: parts joined by a hyphen or an
apostrophe are one word, so is a learned token in angle brackets, and so is a run of a script whose words only a
dictionary tells apart (Thai, Lao, Khmer, Burmese); and in scripts without spaces any part of a text may be chosen.
Letters are compared without regard to case and to whether accents are composed.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import regex

from store.errors import InputError

BOUNDARY = regex.compile(r"\b", regex.WORD | regex.V1)
LEARNED = regex.compile(r"<[^<>\s]+>")  # how embeddings of textual inversion are named
NAMING = regex.compile(r"[\w\p{Extended_Pictographic}\p{Regional_Indicator}]")  # a word has one of these at least
JOINING = set("-'\u2010\u2011\u2019")  # hyphens and apostrophes
DICTIONARY = regex.compile(r"[\p{Line_Break=Complex_Context}\p{M}]+")
SPACELESS = regex.compile(
    r"[\p{Line_Break=Complex_Context}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}"
    r"\p{Script=Tibetan}\p{Script=Yi}\p{Script=Javanese}\p{Script=Balinese}\u30fc\p{M}]+"
)
CHARACTER = regex.compile(r"\X")  # as readers count them: a letter with its marks, an emoji sequence


class Span(NamedTuple):
    """Characters [start, stop) of a prompt."""

    start: int
    stop: int


def prompt_words(prompt: str) -> list[str]:
    """Return the different words of `prompt`, in order, as they first stand in it. Case makes no difference."""
    words: dict[str, str] = {}
    for span in _spans(prompt):
        word = prompt[slice(*span)]
        words.setdefault(fold(word), word)
    return list(words.values())


def find_word(prompt: str, word: str) -> Span:
    """Return where `word`, or a phrase, first stands in `prompt` as whole words.

    Raises
    ------
    InputError: it does not stand there.
    """
    found = next(word_places(prompt, word), None)
    if found is None:
        choice = ", ".join(prompt_words(prompt))
        raise InputError(f"word {word!r}", f"not in the prompt {prompt!r} as a whole word", f"pick from: {choice}")
    return found


def fold(text: str) -> str:
    """Return `text` in a form that is equal for texts that differ by case or by composed accents alone."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def word_places(prompt: str, word: str) -> Iterator[Span]:
    """Yield the places where `word`, or a phrase, stands in `prompt` as whole words, from left to right."""
    last = 0
    for span in _places(prompt, word):
        if span.start >= last and _between_words(prompt, span.start) and _between_words(prompt, span.stop):
            last = span.stop
            yield span


def place_of(prompt: str, word: str) -> Span | None:
    """Return where `word` first stands in `prompt`, as whole words if it does so anywhere; None if it does not.

    A stored pair may be about a part of a word: what a word is has not always been the same.
    """
    return next(word_places(prompt, word), None) or next(_places(prompt, word), None)


def spaceless(text: str, place: int) -> bool:
    """Return whether the characters at both sides of `place` are of scripts that put no space between words."""
    return bool(SPACELESS.fullmatch(text[max(0, place - 1) : place + 1]))


def _places(prompt: str, word: str) -> Iterator[Span]:
    """The places of the characters of `word`, which may overlap and lie within words."""
    wanted = _folded(word)[0] if word.strip() else ""
    folded, edges = _folded(prompt)
    start = folded.find(wanted) if wanted else -1
    while start >= 0:
        stop = start + len(wanted)
        if start in edges and stop in edges:
            yield Span(edges[start], edges[stop])
        start = folded.find(wanted, start + 1)


@lru_cache(256)
def _folded(text: str) -> tuple[str, dict[int, int]]:
    """The folded text, and of each of its places between two characters the place in `text`."""
    parts, length, edges = [], 0, {0: 0}
    for character in CHARACTER.finditer(text):
        parts.append(fold(character[0]))
        length += len(parts[-1])
        edges[length] = character.end()
    return "".join(parts), edges


def _between_words(text: str, place: int) -> bool:
    """Whether a word may begin or end at `place`."""
    return spaceless(text, place) or not any(start < place < stop for start, stop in _spans(text))


@lru_cache(256)
def _spans(text: str) -> tuple[Span, ...]:
    """The words of `text`, from left to right."""
    learned = [Span(*found.span()) for found in LEARNED.finditer(text)]
    inside = {place for start, stop in learned for place in range(start + 1, stop)}
    edges = {0, len(text), *(edge for span in learned for edge in span)}
    edges |= {found.start() for found in BOUNDARY.finditer(text)} - inside
    ordered = sorted(edges)
    pieces = [Span(*ends) for ends in zip(ordered, ordered[1:], strict=False)]
    words: list[Span] = []
    joined = False  # whether a hyphen or an apostrophe stands right after the last word
    for piece in pieces:
        part = text[slice(*piece)]
        if part in JOINING:
            joined = bool(words) and words[-1].stop == piece.start
            continue
        if NAMING.search(part):
            glued = joined or bool(words) and words[-1].stop == piece.start and _one_run(text, words[-1], piece)
            words.append(Span(words.pop().start, piece.stop) if glued else piece)
        joined = False
    return tuple(words)


def _one_run(text: str, before: Span, after: Span) -> bool:
    """Whether two pieces are of a script whose words only a dictionary tells apart."""
    return bool(DICTIONARY.fullmatch(text[before.start : after.stop]))
