"""How a pipeline's tokenizers read a prompt, heard while it encodes one: templates, limits and padding included."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from diffusers import DiffusionPipeline
from tokenizers import Encoding
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from store.prompts.tokens import Token, vectors_of, with_vectors
from store.records import Span

PROBE = "a"  # a text that every tokenizer has tokens for
UNBOUNDED = 10**6  # tokens; tokenizers without a limit have a larger number


@dataclass(frozen=True)
class PromptReader:
    """A tokenizer of a pipeline, and how many tokens of a prompt the pipeline takes from it."""

    tokenizer: PreTrainedTokenizerBase
    limit: int

    def tokens(self, text: str) -> list[Token]:
        """Return the tokens of `text`, not cut off, without special ones; all those of a learned embedding."""
        found = self.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
        )
        tokens = [Token(i, *span) for i, span in zip(found.input_ids, found.offset_mapping, strict=True)]
        return with_vectors(tokens, self._vectors)

    @property
    def json(self) -> str:
        """The tokenizer, in the JSON of the tokenizers library."""
        return self.tokenizer.backend_tokenizer.to_str()  # type: ignore[attr-defined]

    @cached_property
    def _vectors(self) -> dict[int, tuple[int, ...]]:
        return vectors_of(self.tokenizer.added_tokens_encoder)


@dataclass(frozen=True)
class Reading:
    """What `tokenizer` made of `text`, which holds the prompt: its tokens, padded and cut off by the pipeline.

    `room` is the number at which tokens are cut off, None if they are not.
    """

    tokenizer: PreTrainedTokenizerBase
    text: str
    encoding: Encoding
    room: int | None

    def places(self, prompt: str, span: Span) -> list[int]:
        """Return the places of the tokens that cover the characters `span` of `prompt`, none if it is not there."""
        start = self.text.rfind(prompt)
        if start < 0:
            return self._places_by_tokens(prompt, span)
        first, stop = start + span.start, start + span.stop
        offsets = zip(self.encoding.offsets, self.encoding.special_tokens_mask, strict=True)
        return [
            place
            for place, ((begin, end), special) in enumerate(offsets)
            if begin < stop and first < end and not special
        ]

    def _places_by_tokens(self, prompt: str, span: Span) -> list[int]:
        """The same where the pipeline has written the prompt anew, as it does with learned embeddings."""
        tokens = PromptReader(self.tokenizer, 0).tokens(prompt)
        wanted, ids = [token.id for token in tokens], self.encoding.ids
        for start in range(len(ids) - len(wanted), -1, -1):
            if ids[start : start + len(wanted)] == wanted:
                covering = enumerate(tokens, start)
                return [place for place, token in covering if token.start < span.stop and span.start < token.stop]
        return []

    def _around(self, prompt: str) -> int:
        """How many tokens stand around those of `prompt`: special ones, and those of a template."""
        return sum(self.encoding.attention_mask) - len(self.places(prompt, Span(0, len(prompt))))


@contextmanager
def listening() -> Iterator[list[Reading]]:
    """Within it, every call of a fast tokenizer on a single text is kept."""
    heard: list[Reading] = []
    own = PreTrainedTokenizerBase.__call__

    def call(self: PreTrainedTokenizerBase, text: Any = None, *args: Any, **kwargs: Any) -> Any:
        result = own(self, text, *args, **kwargs)
        texts = [text] if isinstance(text, str) else text
        if result.encodings and len(texts) == 1:
            room = (kwargs.get("max_length") or self.model_max_length) if kwargs.get("truncation") else None
            heard.append(Reading(self, texts[0], result.encodings[0], room))
        return result

    PreTrainedTokenizerBase.__call__ = call  # type: ignore[method-assign]
    try:
        yield heard
    finally:
        PreTrainedTokenizerBase.__call__ = own  # type: ignore[method-assign]


def limit_to_encoders(pipeline: DiffusionPipeline) -> None:
    """Let no tokenizer of `pipeline` give more tokens than its encoder has places for.

    Pipelines keep the limit of their first tokenizer: without one it is a number that no tokenizer takes.
    """
    for name, part in pipeline.components.items():
        if not isinstance(part, PreTrainedTokenizerBase):
            continue
        encoder = pipeline.components.get(name.replace("tokenizer", "text_encoder"))
        most = getattr(getattr(encoder, "config", None), "max_position_embeddings", None)
        if most is not None:
            part.model_max_length = min(part.model_max_length, most)
    if (kept_limit(pipeline) or 0) > UNBOUNDED:
        pipeline.tokenizer_max_length = pipeline.tokenizer.model_max_length


def kept_limit(pipeline: DiffusionPipeline) -> int | None:
    """Return how many tokens `pipeline` takes where it does not tell its tokenizer to cut them off, None if all."""
    found = getattr(pipeline, "tokenizer_max_length", None)
    return found if isinstance(found, int) else None


@dataclass(frozen=True)
class StateLimit:
    """How many states of a text its denoiser is given at most, and how many (one or more sequences) it `has` now."""

    most: int
    has: frozenset[int]

    def tokens(self, reading: Reading, prompt: str) -> int:
        """Return how many tokens of a prompt the denoiser sees where it sees those of `reading` without padding."""
        read = sum(reading.encoding.attention_mask)
        inside = read - reading._around(prompt)
        beside = [states - inside for states in self.has if inside <= states <= read and states < self.most]
        return self.most - max(beside) if beside else UNBOUNDED


def readers_of(
    readings: Sequence[Reading], uncut: int | None, states: StateLimit | None, prompt: str = PROBE
) -> tuple[PromptReader, ...]:
    """Return one reader for each tokenizer that was heard reading `prompt`, that with the highest limit first.

    A tokenizer that is never told to cut off has its own limit, and at most that of `uncut` tokens.
    """
    limits: dict[int, PromptReader] = {}
    cutting = {id(reading.tokenizer) for reading in readings if reading.room is not None}
    for reading in readings:
        if reading.room is None and id(reading.tokenizer) in cutting:
            continue
        own = min(reading.tokenizer.model_max_length, UNBOUNDED if uncut is None else uncut)
        room = min(own if reading.room is None else reading.room, UNBOUNDED)
        most = room - reading._around(prompt)
        seen = UNBOUNDED if states is None else states.tokens(reading, prompt)
        found = PromptReader(reading.tokenizer, max(0, min(most, seen)))
        known = limits.setdefault(id(reading.tokenizer), found)
        if found.limit < known.limit:
            limits[id(reading.tokenizer)] = found
    return tuple(sorted(limits.values(), key=lambda reader: -reader.limit))


@contextmanager
def embedding(pipeline: DiffusionPipeline) -> Iterator[list[list[int]]]:
    """Within it, the tokens that text encoders of `pipeline` are given of a single text are kept, padding included."""
    heard: list[list[int]] = []

    def listen(_: nn.Module, args: tuple) -> None:
        if args and len(args[0]) == 1:
            heard.append(args[0][0].tolist())

    encoders = [part for part in pipeline.components.values() if isinstance(part, PreTrainedModel)]
    hooks = [encoder.get_input_embeddings().register_forward_pre_hook(listen) for encoder in encoders]
    try:
        yield heard
    finally:
        for hook in hooks:
            hook.remove()


def places_among(
    states: int, readings: Sequence[Reading], given: Sequence[Sequence[int]], prompt: str, span: Span
) -> list[int]:
    """Return the places of the tokens of a word among the `states` that the denoiser is given of the text.

    States are those of one tokenizer; or of the first and the last, one behind the other; or of one without its
    padding; or of what an encoder was `given`, padded by the pipeline, without the beginning of a template. None
    where they are put together in another way.
    """
    lengths = [len(each.encoding) for each in readings]
    if states in lengths:  # of one tokenizer, or of several beside one another
        return sorted(
            {place for each in readings if len(each.encoding) == states for place in each.places(prompt, span)}
        )
    for first, last in ((one, other) for one in readings for other in reversed(readings)):
        if len(first.encoding) + len(last.encoding) == states and first is not last:
            return [
                *first.places(prompt, span),
                *(len(first.encoding) + place for place in last.places(prompt, span)),
            ]
    for each in readings:
        read = [place for place, attended in enumerate(each.encoding.attention_mask) if attended]
        if len(read) == states:
            return [read.index(place) for place in each.places(prompt, span)]
    for each, ids in ((each, ids) for each in readings for ids in given if len(ids) >= states):
        own, left_out = each.encoding.ids, len(ids) - states
        start = next((at for at in range(len(ids) - len(own) + 1) if ids[at : at + len(own)] == own), None)
        if start is not None:
            places = [start + place - left_out for place in each.places(prompt, span)]
            return [place for place in places if place >= 0]
    return []
