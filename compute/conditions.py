"""A prompt and pairs of words -> the texts that the denoiser is asked with, each once."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from compute.denoiser import Denoiser
from store.errors import InputError
from store.records import Probe, TokenPair, prompt_words
from store.wording import without


@dataclass(frozen=True)
class Row:
    """Where one mode's four conditions stand among `Conditions.texts`."""

    base: int
    first: int
    second: int
    both: int

    def edges(self) -> set[tuple[int, int]]:
        """The distances between predictions that this mode needs, as sorted pairs."""
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
        """The tokens of every text that `pair` is asked with, mode by mode: base, first, second, both."""
        rows = [row for (other, _), row in self.rows.items() if other == pair]
        return tuple(self.ids[text] for row in rows for text in (row.base, row.first, row.second, row.both))

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """All distances needed, each once."""
        return tuple(sorted(set().union(*(row.edges() for row in self.rows.values()))))

    @cached_property
    def _places(self) -> dict[tuple[int, int], int]:
        return {edge: place for place, edge in enumerate(self.edges)}

    def edge(self, one: int, other: int) -> int:
        """Where the distance between two texts stands among `edges`."""
        return self._places[min(one, other), max(one, other)]


def all_pairs(prompt: str, words: Sequence[str] = ()) -> tuple[TokenPair, ...]:
    """Every pair of `words`, or of all different words of `prompt`."""
    return tuple(TokenPair.find(prompt, *pair) for pair in combinations(words or prompt_words(prompt), 2))


def of_pairs(pairs: Sequence[TokenPair | Probe], denoiser: Denoiser) -> Conditions:
    """The texts of pairs of one prompt, shared among them.

    Isolated (`pid`): empty, each word, both. In context (`cpid`, not of a probe): without both, with one, the full
    prompt.

    Raises
    ------
    InputError: the prompt is longer than the model reads, or the model cannot tell two conditions apart.
    """
    prompt = pairs[0].prompt
    check_length(prompt, denoiser)
    texts: dict[str, int] = {}

    def row(*wanted: str) -> Row:
        return Row(*(texts.setdefault(text, len(texts)) for text in wanted))

    rows = {}
    for pair in pairs:
        first, second = pair.words
        rows[pair, "pid"] = row("", first, second, f"{first} {second}")
        if isinstance(pair, TokenPair):
            rows[pair, "cpid"] = row(
                without(prompt, pair.first, pair.second),
                without(prompt, pair.second),
                without(prompt, pair.first),
                without(prompt),
            )
    ids = [tuple(token.id for token in denoiser.tokens(text)) for text in texts]
    for (pair, _), places in rows.items():
        _check_distinct(pair, places, list(texts), ids, denoiser)
    return Conditions(tuple(texts), tuple(ids), rows, texts.get(without(prompt), -1))


def _check_distinct(
    pair: TokenPair | Probe, row: Row, texts: list[str], ids: list[tuple[int, ...]], denoiser: Denoiser
) -> None:
    for one, other in combinations((row.base, row.first, row.second, row.both), 2):
        if ids[one] == ids[other]:
            raise InputError(
                f"pair {pair.name!r} in {pair.prompt!r}",
                f"model {denoiser.name} reads {texts[other]!r} and {texts[one]!r} as the same tokens",
                "pick other words",
            )


def check_length(prompt: str, denoiser: Denoiser) -> None:
    """Raise InputError, naming the words that would be cut off, if the model cannot read all of `prompt`."""
    tokens = denoiser.tokens(prompt)
    if len(tokens) > denoiser.token_limit:
        lost = textwrap.shorten(prompt[tokens[denoiser.token_limit].start :], 60)
        raise InputError(
            f"prompt of {len(tokens)} tokens",
            f"model {denoiser.name} reads {denoiser.token_limit} and would cut off {lost!r}",
            "shorten the prompt",
        )


def unseen(prompt: str, denoiser: Denoiser) -> list[str]:
    """Words of `prompt` that the model is known to have never been trained with: their maps mean nothing."""
    if denoiser.vocabulary is None:
        return []
    return [word for word in prompt_words(prompt) if word.casefold() not in denoiser.vocabulary]
