"""What texts, dates and numbers a file may hold. Whoever reads a file, or writes one, holds it to these rules."""

import math
from collections.abc import Iterable, Iterator
from datetime import datetime

from store.errors import NO_CHARACTER
from store.hdf5.bounds import Refused
from store.records import Label, RunKey, RunRecord

NAME, PROMPT, DOCUMENT = 1_000, 10_000, 1_000_000  # most characters of a name, a prompt, a JSON text
YEARS = range(1970, 2200)
SEEDS = 100_000  # most images of a file
LARGEST = 2**63 - 1


def check_text(text: str, about: str, longest: int = NAME) -> str:
    """Return `text`. Raises Refused, naming it as `about`, if it is too long or holds what is no character."""
    if len(text) > longest:
        raise Refused(f"{about} has {len(text)} characters, more than {longest}")
    if found := NO_CHARACTER.search(text):
        raise Refused(f"{about} holds U+{ord(found[0]):04X}, which is no character of a text")
    return text


def check_key(key: RunKey) -> RunKey:
    """Return `key`. Raises Refused if one of its fields is no text, or the guidance no number from 0 up."""
    for about, text in (("model", key.model), ("model_revision", key.revision), ("image", key.image)):
        check_text(text, about)
    check_text(key.prompt, "prompt", PROMPT)
    if not key.model:
        raise Refused("model is empty")
    if not (math.isfinite(key.guidance) and key.guidance >= 0):
        raise Refused(f"guidance is {key.guidance}, no number from 0 up")
    return key


def check_seeds(seeds: tuple[int, ...]) -> tuple[int, ...]:
    """Return `seeds`. Raises Refused if there are none, too many or the same twice, or if one is out of range."""
    if not 0 < len(seeds) <= SEEDS:
        raise Refused(f"{len(seeds)} seeds, where there have to be 1 to {SEEDS}")
    if not 0 <= min(seeds) <= max(seeds) <= LARGEST:
        raise Refused(f"seeds from {min(seeds)} to {max(seeds)}, where they have to be from 0 to 2^63 - 1")
    if len(set(seeds)) != len(seeds):
        raise Refused("a seed stands there twice")
    return seeds


def check_words(words: tuple[str, str]) -> tuple[str, str]:
    """Return the two words of a pair. Raises Refused if one is no text."""
    for word in words:
        check_text(word, "a word")
    return words


def check_labels(labels: Iterable[Label]) -> tuple[Label, ...]:
    """Return `labels`. Raises Refused if a part of one is no text."""
    found = tuple(labels)
    for label in found:
        for part in label:
            check_text(part, "labels")
    return found


def check_date(text: str) -> str:
    """Return `text`, a time in ISO 8601. Raises Refused if it is none, or absurd."""
    try:
        known = datetime.fromisoformat(check_text(text, "created")).year in YEARS
    except ValueError:
        known = False
    if not known:
        raise Refused(f"created is {text[:40]!a}, no date between {YEARS[0]} and {YEARS[-1]}")
    return text


def check_settings(settings: object) -> dict[str, object]:
    """Return `settings`. Raises Refused if they are no object of JSON, or hold what is no text."""
    if not isinstance(settings, dict):
        raise Refused("settings are no object of JSON")
    for text in _texts(settings):
        check_text(text, "settings", DOCUMENT)
    return settings


def _texts(value: object) -> Iterator[str]:
    """Yield every text in a value of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in (*value.keys(), *value.values()):
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def check_record(record: RunRecord) -> None:
    """Raise Refused if a file of `record` would not be accepted when it is read."""
    check_key(record.key)
    check_seeds(record.seeds)
    check_date(record.provenance.created)
    check_text(record.provenance.software, "software")
    check_settings(record.provenance.settings)
    for result in record.pairs:
        check_words(result.pair.words)
        check_labels(result.labels)
