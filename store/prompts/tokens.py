"""Tokens of texts, those of learned embeddings included."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class Token(NamedTuple):
    """One token of a text and the characters [start, stop) that it covers."""

    id: int
    start: int
    stop: int


def vectors_of(added: Mapping[str, int]) -> dict[int, tuple[int, ...]]:
    """Return the further tokens that pipelines put after a learned token, by its id.

    A textual inversion of several vectors is `<cat>`, `<cat>_1`, `<cat>_2` among the `added` tokens of a tokenizer,
    and `<cat>` in a prompt stands for all of them (diffusers, `maybe_convert_prompt`).
    """
    found = {}
    for name, number in added.items():
        further: list[int] = []
        while (following := f"{name}_{len(further) + 1}") in added:
            further.append(added[following])
        if further:
            found[number] = tuple(further)
    return found


def with_vectors(tokens: Sequence[Token], vectors: Mapping[int, tuple[int, ...]]) -> list[Token]:
    """Return `tokens` with the further ones of each learned token after it, at the same characters."""
    found = []
    for token in tokens:
        found.append(token)
        found.extend(Token(number, token.start, token.stop) for number in vectors.get(token.id, ()))
    return found


def longest(readings: Iterable[list[Token]]) -> list[Token]:
    """Return the one with the most tokens of what several tokenizers make of one text, the first of equal ones.

    That one is cut off first. Texts that all tokenizers read alike have the same.
    """
    return max(readings, key=len)


def ids_of(readings: Iterable[Sequence[Token]]) -> tuple[int, ...]:
    """Return the ids of the tokens of one text as several tokenizers read it, of those that read alike once."""
    each = dict.fromkeys(tuple(token.id for token in tokens) for tokens in readings)
    return tuple(number for ids in each for number in ids)
