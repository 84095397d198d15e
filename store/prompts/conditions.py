"""A prompt and pairs of words -> the texts that a model is asked with, each once; and whether it can read them."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Protocol

from store.errors import InputError
from store.prompts.tokens import Token
from store.prompts.wording import without
from store.records import Probe, TokenPair
from store.words import prompt_words


class Reader(Protocol):
    """How a model reads texts: enough to say what it will be asked, without the model itself."""

    @property
    def name(self) -> str:
        """What the model is called."""

    @property
    def revision(self) -> str:
        """Which of its weights."""

    @property
    def token_limit(self) -> int:
        """Tokens of a text that its tokenizer with the highest limit takes, without the special ones."""

    @property
    def unknown_token(self) -> int | None:
        """What its tokenizer makes of text that it has no token for, if there is such text."""

    @property
    def vocabulary(self) -> frozenset[str] | None:
        """The words it was trained with, where they are few enough to be listed."""

    @property
    def usual_guidance(self) -> float:
        """That its images are drawn with where nobody names one."""

    def tokens(self, text: str) -> list[Token]:
        """Return the tokens of `text`, not cut off, without special ones: by the tokenizer that makes the most of it,
        of those with the highest limit."""

    def ids(self, text: str) -> tuple[int, ...]:
        """Return what tells `text` from others: its tokens by each tokenizer, by those that read alike once."""


@dataclass(frozen=True)
class Row:
    """Where one mode's four conditions stand among `Conditions.texts`."""

    base: int
    first: int
    second: int
    both: int

    def edges(self) -> set[tuple[int, int]]:
        """Return the distances between predictions that this mode needs, as sorted pairs."""
        ends = [
            (self.base, self.first),
            (self.base, self.second),
            (self.base, self.both),
            (self.first, self.second),
            (self.first, self.both),
            (self.second, self.both),
        ]
        return {(min(end), max(end)) for end in ends}


@dataclass(frozen=True)
class Conditions:
    """The different condition texts of some pairs, and the row of each pair in each mode.

    `ids` are the tokens of each text; `whole` is where the prompt itself stands among the texts, -1 if it does not.
    """

    texts: tuple[str, ...]
    ids: tuple[tuple[int, ...], ...]
    rows: dict[tuple[TokenPair | Probe, str], Row]
    whole: int

    def tokens(self, pair: TokenPair | Probe) -> tuple[tuple[int, ...], ...]:
        """Return the tokens of every text that `pair` is asked with, mode by mode: base, first, second, both."""
        rows = [row for (other, _), row in self.rows.items() if other == pair]
        return tuple(self.ids[text] for row in rows for text in (row.base, row.first, row.second, row.both))

    def count(self, pairs: Iterable[TokenPair | Probe]) -> int:
        """Return how many texts it takes to ask about `pairs` alone."""
        wanted = set(pairs)
        rows = [row for (pair, _), row in self.rows.items() if pair in wanted]
        return len({text for row in rows for text in (row.base, row.first, row.second, row.both)})

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """All distances needed, each once."""
        return tuple(sorted(set().union(*(row.edges() for row in self.rows.values()))))

    @cached_property
    def _places(self) -> dict[tuple[int, int], int]:
        return {edge: place for place, edge in enumerate(self.edges)}

    def edge(self, one: int, other: int) -> int:
        """Return where the distance between two texts stands among `edges`."""
        return self._places[min(one, other), max(one, other)]


def all_pairs(prompt: str, words: Sequence[str] = ()) -> tuple[TokenPair, ...]:
    """Return every pair of `words`, or of all different words of `prompt`.

    Raises
    ------
    InputError: one of `words` is not in the prompt.
    """
    return tuple(TokenPair.find(prompt, *pair) for pair in combinations(words or prompt_words(prompt), 2))


def of_pairs(pairs: Sequence[TokenPair | Probe], reader: Reader) -> Conditions:
    """Return the texts of pairs of one prompt, shared among them.

    Isolated (`pid`): empty, each word, both. In context (`cpid`, not of a probe): without both, with one, the full
    prompt.

    Raises
    ------
    InputError: the prompt is longer than the model reads, or the model cannot tell two conditions apart.
    """
    prompt = pairs[0].prompt
    check_length(prompt, reader)
    texts, rows = _texts(pairs)
    ids = [reader.ids(text) for text in texts]
    for (pair, _), places in rows.items():
        _check_distinct(pair, places, list(texts), ids, reader)
    return Conditions(tuple(texts), tuple(ids), rows, texts.get(without(prompt), -1))


def count_texts(pairs: Sequence[TokenPair | Probe]) -> int:
    """Return how many texts it takes to ask about pairs of one prompt, whatever model reads them."""
    return len(_texts(pairs)[0])


def _texts(pairs: Sequence[TokenPair | Probe]) -> tuple[dict[str, int], dict[tuple[TokenPair | Probe, str], Row]]:
    """The texts with their places, and the row of each pair in each mode."""
    texts: dict[str, int] = {}

    def row(*wanted: str) -> Row:
        return Row(*(texts.setdefault(text, len(texts)) for text in wanted))

    rows = {}
    for pair in pairs:
        first, second = pair.words
        rows[pair, "pid"] = row("", first, second, f"{first} {second}")
        if isinstance(pair, TokenPair):
            prompt = pair.prompt
            rows[pair, "cpid"] = row(
                without(prompt, pair.first, pair.second),
                without(prompt, pair.second),
                without(prompt, pair.first),
                without(prompt),
            )
    return texts, rows


def _check_distinct(
    pair: TokenPair | Probe, row: Row, texts: list[str], ids: list[tuple[int, ...]], reader: Reader
) -> None:
    for one, other in combinations((row.base, row.first, row.second, row.both), 2):
        if ids[one] == ids[other]:
            raise InputError(
                f"pair {pair.name!r} in {pair.prompt!r}",
                f"model {reader.name} reads {texts[other]!r} and {texts[one]!r} as the same tokens",
                "pick other words",
            )


def check_length(prompt: str, reader: Reader) -> None:
    """Raise InputError, naming the words that would be cut off, if the model cannot read all of `prompt`."""
    tokens = reader.tokens(prompt)
    if len(tokens) > reader.token_limit:
        lost = textwrap.shorten(prompt[tokens[reader.token_limit].start :], 60)
        raise InputError(
            f"prompt of {len(tokens)} tokens",
            f"model {reader.name} reads {reader.token_limit} and would cut off {lost!r}",
            "shorten the prompt",
        )


def unseen(prompt: str, reader: Reader) -> list[str]:
    """Words of `prompt` that neither tokenizer nor training of the model ever saw: their maps mean nothing.

    Of most models it is not known which words training showed; those that the tokenizer has no token for are.
    """
    return [word for word in prompt_words(prompt) if not _seen(word, reader)]


def _seen(word: str, reader: Reader) -> bool:
    if reader.vocabulary is not None:
        return word.casefold() in reader.vocabulary
    return all(token.id != reader.unknown_token for token in reader.tokens(word))
