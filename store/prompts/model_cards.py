"""What is known of the models that computed into a store: how they read texts, so that pages can check words.

A worker writes a card for each model that it loads, `DIR/models/<model>-<digest of its source>.json`; it may be
deleted at any time.
"""

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

from store.errors import StoreError
from store.files.atomic import replacing
from store.hdf5.names import slug
from store.prompts.tokens import Token, ids_of, longest, vectors_of, with_vectors

UNGUIDED = 1.0  # guidance of images that are of the model's own distribution
FOLDER = "models"
LISTS = ("further_tokenizers", "shorter_tokenizers", "nothing", "notes")
BYTES = 2**26  # of a card at most: 64 MiB


@dataclass(frozen=True)
class ModelCard:
    """A model as it reads texts (a `store.prompts.conditions.Reader`), without its weights."""

    name: str  # that results carry
    source: str  # that it is asked for by: a name, a hub id or a folder
    revision: str
    token_limit: int
    unknown_token: int | None
    words: tuple[str, ...] | None  # that it was trained with, where they are few enough to be listed
    log_snr: tuple[float, ...]  # of each trained level
    tokenizer: str  # in the JSON of the tokenizers library
    further_tokenizers: tuple[str, ...] = ()  # of its other text encoders, where they differ
    shorter_tokenizers: tuple[str, ...] = ()  # of text encoders that take fewer tokens
    nothing: tuple[int, ...] = ()  # the ids of what stands for no text
    notes: tuple[str, ...] = ()  # what a reader of its results has to know, in sentences
    usual_guidance: float = UNGUIDED  # that images are drawn with where nobody names one

    @property
    def vocabulary(self) -> frozenset[str] | None:
        """The words it was trained with, where they are few enough to be listed."""
        return None if self.words is None else frozenset(self.words)

    def tokens(self, text: str) -> list[Token]:
        """Return the tokens of `text` as the model reads it, not cut off, without special ones.

        They are those of the tokenizer that makes the most of it, where there are several.
        """
        return longest(_tokens(text, tokenizer) for tokenizer in self._tokenizers)

    def ids(self, text: str) -> tuple[int, ...]:
        """Return what tells `text` from others: its tokens by each tokenizer, by those that read alike once."""
        if text == "":
            return self.nothing
        return ids_of(_tokens(text, tokenizer) for tokenizer in (*self._tokenizers, *self._shorter))

    @cached_property
    def _tokenizers(self) -> list[Tokenizer]:
        return list(map(_tokenizer, (self.tokenizer, *self.further_tokenizers)))

    @cached_property
    def _shorter(self) -> list[Tokenizer]:
        return list(map(_tokenizer, self.shorter_tokenizers))

    def __getstate__(self) -> dict[str, object]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def publish(root: Path, card: ModelCard) -> None:
    """Write `card` into the store `root`; raises StoreError where that cannot be."""
    former = root / FOLDER / f"{slug(card.name)}.json"  # where the cards of all models of one name once lay
    path = former.with_stem(f"{former.stem}-{hashlib.sha256(card.source.encode()).hexdigest()[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as aside:
            aside.write_text(json.dumps(asdict(card)), encoding="utf-8")
        if (old := load(former)) and old.source == card.source:
            former.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(path, f"cannot be written ({error.strerror or error})", "make room there") from error


def load(path: Path) -> ModelCard | None:
    """Return the card in a file, None if it cannot be read: words are then checked when the model is loaded."""
    try:
        if not path.is_file() or path.stat().st_size > BYTES:
            return None
        values = json.loads(path.read_text(encoding="utf-8"))
        words = None if values["words"] is None else tuple(values["words"])
        lists = {name: tuple(values.get(name, ())) for name in LISTS} | {
            "log_snr": tuple(map(float, values["log_snr"]))
        }
        card = ModelCard(**values | {"words": words} | lists)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return card if _sound(card) else None


def _sound(card: ModelCard) -> bool:
    """Whether the values of `card` are what they should be, as a file may hold anything."""
    texts = [card.name, card.source, card.revision, card.tokenizer, *(card.words or ())]
    texts += [*card.further_tokenizers, *card.shorter_tokenizers, *card.notes]
    if not all(isinstance(text, str) for text in texts) or not all(type(number) is int for number in card.nothing):
        return False
    if type(card.token_limit) is not int or type(card.unknown_token) not in (int, type(None)):
        return False
    if type(card.usual_guidance) not in (int, float) or not 1 <= card.usual_guidance < math.inf:
        return False
    try:
        card.ids(" ")
    except Exception:  # the tokenizers library raises nothing narrower
        return False
    return True


def _tokenizer(text: str) -> Tokenizer:
    found = Tokenizer.from_str(text)
    found.no_truncation()
    found.no_padding()
    return found


def _tokens(text: str, tokenizer: Tokenizer) -> list[Token]:
    """Return what `tokenizer` makes of `text`, all tokens of a learned embedding included."""
    added = {token.content: number for number, token in tokenizer.get_added_tokens_decoder().items()}
    found = tokenizer.encode(text, add_special_tokens=False)
    tokens = [Token(number, *span) for number, span in zip(found.ids, found.offsets, strict=True)]
    return with_vectors(tokens, vectors_of(added))


def paths(root: Path) -> list[Path]:
    """Return the files of the cards of the store `root`."""
    return sorted((root / FOLDER).glob("*.json"))


def find(cards: Iterable[ModelCard | None], model: str) -> ModelCard | None:
    """Return that of `cards` whose model is asked for as `model`, or else is called so; None if there is none."""
    known = [card for card in cards if card]
    return next((card for card in known if card.source == model), None) or next(
        (card for card in known if card.name == model), None
    )
