"""A prompt and a pair of its words -> the texts that the denoiser is asked with."""

import re
import textwrap
from dataclasses import dataclass

from compute.denoiser import Denoiser
from store.errors import InputError
from store.records import Span, TokenPair, prompt_words


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
    """The different condition texts of a pair, each once, and the row of each mode."""

    texts: tuple[str, ...]
    rows: dict[str, Row]

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """All distances needed, each once."""
        return tuple(sorted(set().union(*(row.edges() for row in self.rows.values()))))


def without(prompt: str, *spans: Span) -> str:
    """`prompt` with the words at `spans` taken out of the text, and the gaps closed."""
    for start, stop in sorted(spans, reverse=True):
        prompt = prompt[:start] + " " + prompt[stop:]
    return re.sub(r"\s+([,.;:!?])", r"\1", " ".join(prompt.split()))


def of_pair(pair: TokenPair, denoiser: Denoiser) -> Conditions:
    """Isolated (`pid`): empty, each word, both. In context (`cpid`): without both, with one, the full prompt.

    Raises
    ------
    InputError: the prompt is longer than the model reads, or the model cannot tell two conditions apart.
    """
    check_length(pair.prompt, denoiser)
    first, second = pair.words
    texts: dict[str, int] = {}

    def row(*wanted: str) -> Row:
        return Row(*(texts.setdefault(text, len(texts)) for text in wanted))

    rows = {
        "pid": row("", first, second, f"{first} {second}"),
        "cpid": row(
            without(pair.prompt, pair.first, pair.second),
            without(pair.prompt, pair.second),
            without(pair.prompt, pair.first),
            without(pair.prompt),
        ),
    }
    seen: dict[tuple[int, ...], str] = {}
    for text in texts:
        ids = tuple(token.id for token in denoiser.tokens(text))
        if ids in seen:
            raise InputError(
                f"pair {pair.name!r} in {pair.prompt!r}",
                f"model {denoiser.name} reads {text!r} and {seen[ids]!r} as the same tokens",
                "pick other words",
            )
        seen[ids] = text
    return Conditions(tuple(texts), rows)


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
