"""From the rows of a study to prompts: which pairs of words are asked about the images of each, under which labels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from store.errors import InputError
from store.prompts.wording import count
from store.records import Label, Probe, TokenPair
from store.words import prompt_words

WordPair = TokenPair | Probe
LabelledPair = tuple[WordPair, Label]


@dataclass(frozen=True)
class PromptPairs:
    """All pairs that are asked about the images of one prompt, and the labels under which each answer is stored."""

    prompt: str
    pairs: tuple[WordPair, ...]
    labels: Mapping[WordPair, tuple[Label, ...]] = field(hash=False)


def group_by_prompt(rows: Iterable[LabelledPair]) -> tuple[PromptPairs, ...]:
    """Return the rows of each prompt together, in order of first appearance."""
    found: dict[str, dict[WordPair, dict[Label, None]]] = {}
    for pair, label in rows:
        found.setdefault(pair.prompt, {}).setdefault(pair, {})[label] = None
    return tuple(
        PromptPairs(prompt, tuple(pairs), {pair: tuple(labels) for pair, labels in pairs.items()})
        for prompt, pairs in found.items()
    )


def words_of(prompts: Iterable[PromptPairs]) -> tuple[str, ...]:
    """Return every word that `prompts` show to a model, in lower case and in order of appearance."""
    texts = (each.prompt + " " + " ".join(word for pair in each.pairs for word in pair.words) for each in prompts)
    return tuple(dict.fromkeys(word.casefold() for text in texts for word in prompt_words(text)))


def find_pair(prompt: str, one: str, other: str) -> TokenPair:
    """Return the pair of two words, each of which stands in `prompt` exactly once.

    Raises
    ------
    InputError: a word is missing, or stands there twice.
    """
    pair = TokenPair.find(prompt, one, other)
    for word in (one, other):
        if count(prompt, word) > 1:
            raise InputError(f"word {word!r}", f"twice in {prompt!r}", "write a prompt in which it stands once")
    return pair
