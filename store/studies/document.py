"""Study files: TOML and lists of words as people write them, read within bounds, every mistake named with its place."""

import os
import re
import stat
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from store.errors import InputError

SHIPPED = Path(__file__).parent  # the folder of the studies that ship
MOST_BYTES = 200_000  # of a file: the longest that ships has 4,000
MOST_DOTS = 20  # of a key
KEY = re.compile(r"\s*([\w-]+|\"[^\"]*\"|'[^']*')\s*")


class TomlTable:
    """One table of a study file. Values are taken one by one, by key and type; `finish` refuses keys nobody took."""

    def __init__(self, values: Mapping[str, object], file: Path, place: str = ""):
        self.values, self.file, self.place = values, file, place
        self.taken: dict[str, None] = {}

    @classmethod
    def read(cls, file: Path) -> "TomlTable":
        """Return the whole of `file`.

        Raises
        ------
        InputError: it cannot be read, is too long, or is not TOML.
        """
        text = read(file)
        if any(_dots(line) > MOST_DOTS for line in text.splitlines()):  # of which tomllib takes memory by the square
            raise InputError(str(file), "a key in it has too many dots", "write it as docs/studies.md shows")
        try:
            return cls(tomllib.loads(text), file)
        except tomllib.TOMLDecodeError as error:
            raise InputError(str(file), f"not valid TOML ({error})", "correct that line") from error
        except RecursionError as error:
            raise InputError(str(file), "nested too deeply", "write it as docs/studies.md shows") from error
        except ValueError as error:  # a number of thousands of digits
            raise InputError(str(file), "a number in it has too many digits", "write a smaller number") from error

    def wrong(self, key: str, cause: str, mend: str) -> InputError:
        """Return the error to raise about `key`."""
        return InputError(f"{self.file}: {self.place}{key}", cause, mend)

    @contextmanager
    def placed(self, key: str) -> Iterator[None]:
        """Name the place `key` of the file in every InputError that is raised inside."""
        try:
            yield
        except InputError as error:
            raise self.wrong(f"{key}: {error.thing}", error.cause, error.mend) from error

    def __contains__(self, key: str) -> bool:
        self.taken[key] = None
        return key in self.values

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text that is not empty and on one line; without a `default` it must be there."""
        if key not in self and default is not None:
            return default
        return self._as_text(key, self._value(key))

    def texts(self, key: str, least: int = 1) -> tuple[str, ...]:
        """Return a list of at least so many different texts."""
        value = self._value(key)
        if not isinstance(value, list):
            raise self.wrong(key, f"{shortened(value)} is not a list", f'write {key} = ["one", "another"]')
        found = tuple(self._as_text(f"{key}, entry {number}", entry) for number, entry in enumerate(value, 1))
        if len(found) < least:
            raise self.wrong(key, "too few entries" if found else "the list is empty", f"name at least {least}")
        if twice := repeated(found):
            raise self.wrong(key, f"{twice!r} is there twice", "take one out")
        return found

    def number(self, key: str, default: float, least: float = 0, most: float = 1e9) -> float:
        """Return a number from `least` to `most`."""
        value = self.values[key] if key in self else default
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            shown = shortened(value)
            raise self.wrong(key, f"{shown} is no number from {least:g} to {most:,.0f}", f"write {key} = {default}")
        return value

    def whole(self, key: str, default: int, most: int) -> int:
        """Return a whole number from 1 to `most`."""
        value = self.number(key, default, least=1, most=most)
        if not isinstance(value, int):
            raise self.wrong(key, f"{value!r} is no whole number", f"write {key} = {default}")
        return value

    def two_texts(self, key: str) -> tuple[str, str]:
        """Return a list of two different texts."""
        words = self.texts(key, least=2)
        if len(words) > 2:
            raise self.wrong(key, f"{len(words)} words", "name two")
        return words[0], words[1]

    def table(self, key: str) -> "TomlTable":
        """Return the table under the header [key]."""
        value = self._value(key)
        if not isinstance(value, dict):
            raise self.wrong(key, f"{shortened(value)} is not a table", f"write it under a line [{key}]")
        return TomlTable(value, self.file, f"{self.place}{key}: ")

    def tables(self, key: str) -> list["TomlTable"]:
        """Return the tables under the headers [[key]]; errors about each say its number."""
        value = self._value(key, f"add one under a line [[{key}]]")
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.wrong(key, "not a list of tables", f"write each under a line [[{key}]]")
        if not value:
            raise self.wrong(key, "the list is empty", f"add one under a line [[{key}]]")
        return [TomlTable(entry, self.file, f"{self.place}{key} {number}: ") for number, entry in enumerate(value, 1)]

    def either(self, *keys: str) -> str:
        """Return the one key of `keys` that is there."""
        there = [key for key in keys if key in self]
        if not there:
            raise self._missing(keys[0], f"write {' or '.join(keys)}")
        if len(there) > 1:
            raise self.wrong(there[1], f"{there[0]} is there too", "write only one of them")
        return there[0]

    def finish(self) -> None:
        """Raise an InputError if there is a key that nobody took."""
        for key in self.values:
            if key not in self.taken:
                close = get_close_matches(key, self.taken, 1)
                mend = f"did you mean {close[0]}?" if close else f"use one of {', '.join(self.taken)}"
                raise self.wrong(key, "no such key here", mend)

    def _value(self, key: str, mend: str = "") -> object:
        if key not in self:
            raise self._missing(key, mend or f"add a line {key} = ...")
        return self.values[key]

    def _missing(self, key: str, mend: str) -> InputError:
        close = get_close_matches(key, self.values.keys() - self.taken.keys(), 1)
        return self.wrong(key, "missing", f"rename {close[0]}, if that is meant" if close else mend)

    def _as_text(self, key: str, value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, f"{shortened(value)} is not a text", "write it in quotes")
        if any(unicodedata.category(character) == "Cc" for character in value.replace("\n", " ").replace("\t", " ")):
            raise self.wrong(key, f"{shortened(value)} has control characters", "take them out")
        if value != " ".join(value.split()):
            cause = f"{shortened(value)} has spaces or lines too many"
            raise self.wrong(key, cause, "write single spaces between words")
        return value


def read(file: Path) -> str:
    """Return the text of `file`, without the byte order mark that some editors write.

    Raises
    ------
    InputError: there is no such file, it is no regular file, it is longer than MOST_BYTES or not text in UTF-8.
    """
    try:
        content = _content(file)
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        cause = getattr(error, "strerror", None) or error
        raise InputError(str(file), f"cannot be read ({cause})", "check its name and folder") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(str(file), "not text in UTF-8", "save it as UTF-8") from error


def _dots(line: str) -> int:
    """Return the most dots with which keys are joined in `line`."""
    longest = joined = 0
    for piece in line.split("."):
        joined = joined + 1 if KEY.fullmatch(piece) else 0
        longest = max(longest, joined)
    return longest


def _content(file: Path) -> bytes:
    with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as opened:  # a FIFO would wait for its writer
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise InputError(str(file), "no regular file", "name a text file")
        content = opened.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InputError(str(file), f"longer than {MOST_BYTES:,} bytes", "split it into several studies")
    return content


def lines(file: Path) -> tuple[str, ...]:
    """Return the lines of `file`, without empty ones and comments, which begin with #.

    Raises
    ------
    InputError: as `read`; or it holds no line, the same line twice, or control characters.
    """
    found: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(read(file).splitlines(), 1):
        text = " ".join(line.split())
        if not text or text.startswith("#"):
            continue
        if any(unicodedata.category(character) == "Cc" for character in text):
            raise InputError(f"{file}, line {number}", "it has control characters", "take them out")
        before, _ = found.setdefault(text.casefold(), (number, text))
        if before != number:
            raise InputError(f"{file}, line {number}", f"{text!r} is in line {before} already", "take one out")
    if not found:
        raise InputError(str(file), "nothing is in it", "write one entry a line")
    return tuple(text for _, text in found.values())


def repeated(texts: Iterable[str]) -> str:
    """Return the first of `texts` that was there before, in upper or lower case; empty if there is none."""
    seen: set[str] = set()
    for text in texts:
        if text.casefold() in seen:
            return text
        seen.add(text.casefold())
    return ""


def refuse_repeats(entries: list[TomlTable], keys: Iterable[object]) -> None:
    """Raise an InputError if two of `entries` have the same key, one of `keys` each."""
    seen: dict[object, int] = {}
    for number, (entry, key) in enumerate(zip(entries, keys, strict=True), 1):
        if (before := seen.setdefault(key, number)) != number:
            raise entry.wrong("prompt", f"asked the same as sentence {before}", "take one out")


def shortened(value: object, most: int = 80) -> str:
    """Return how Python writes `value`, cut where it is long."""
    if isinstance(value, int) and abs(value) >= 10**most:
        return f"a number of more than {most} digits"
    text = repr(value) if not isinstance(value, list | dict) else f"a {type(value).__name__}"
    return text if len(text) <= most else f"{text[:most]}..."
