"""What is known of the models that computed into a store: how they read texts, so that pages can check words.

A worker writes a card for each model that it loads, `DIR/models/<model>.json`; it may be deleted at any time.
"""

import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

from store.errors import StoreError
from store.files.atomic import replacing
from store.hdf5.names import slug
from store.prompts.tokens import Token, vectors_of, with_vectors

FOLDER = "models"


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

    @property
    def vocabulary(self) -> frozenset[str] | None:
        return None if self.words is None else frozenset(self.words)

    def tokens(self, text: str) -> list[Token]:
        found = self._tokenizer.encode(text, add_special_tokens=False)
        tokens = [Token(number, *span) for number, span in zip(found.ids, found.offsets, strict=True)]
        return with_vectors(tokens, self._vectors)

    @cached_property
    def _vectors(self) -> dict[int, tuple[int, ...]]:
        added = self._tokenizer.get_added_tokens_decoder()
        return vectors_of({token.content: number for number, token in added.items()})

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_str(self.tokenizer)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def __getstate__(self) -> dict[str, object]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def publish(root: Path, card: ModelCard) -> None:
    """Write `card` into the store `root`; raises StoreError where that cannot be."""
    path = _path(root, card.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as aside:
            aside.write_text(json.dumps(asdict(card)), encoding="utf-8")
    except OSError as error:
        raise StoreError(path, f"cannot be written ({error.strerror or error})", "make room there") from error


def load(path: Path) -> ModelCard | None:
    """The card in a file, None if it cannot be read: words are then checked when the model is loaded."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        words = None if values["words"] is None else tuple(values["words"])
        return ModelCard(**values | {"words": words, "log_snr": tuple(map(float, values["log_snr"]))})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def paths(root: Path) -> list[Path]:
    """The cards of the store."""
    return sorted((root / FOLDER).glob("*.json"))


def _path(root: Path, name: str) -> Path:
    return root / FOLDER / f"{slug(name)}.json"
