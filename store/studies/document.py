"""A TOML file as a person wrote it: values are taken one by one, and what is wrong is said with its place."""

import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from store.errors import InputError


class Table:
    """One table of a file. Each key is asked for by name and kind; `finish` refuses those nobody asked for."""

    def __init__(self, values: Mapping[str, object], file: Path, place: str = ""):
        self.values, self.file, self.place = values, file, place
        self.asked: dict[str, None] = {}

    @classmethod
    def read(cls, file: Path) -> "Table":
        """The whole of `file`.

        Raises
        ------
        InputError: it cannot be read or is not TOML.
        """
        try:
            return cls(tomllib.loads(read(file)), file)
        except tomllib.TOMLDecodeError as error:
            raise InputError(str(file), f"not valid TOML ({error})", "correct that line") from error

    def wrong(self, key: str, cause: str, mend: str) -> InputError:
        """What to raise about `key`."""
        return InputError(f"{self.file}: {self.place}{key}", cause, mend)

    @contextmanager
    def placed(self, key: str) -> Iterator[None]:
        """What is raised inside says where in the file it happened."""
        try:
            yield
        except InputError as error:
            raise self.wrong(f"{key}: {error.thing}", error.cause, error.mend) from error

    def __contains__(self, key: str) -> bool:
        self.asked[key] = None
        return key in self.values

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty, on one line; without a `default` it must be there."""
        if key not in self and default is not None:
            return default
        return self._as_text(key, self._value(key))

    def texts(self, key: str, least: int = 1) -> tuple[str, ...]:
        """A list of at least so many different texts."""
        value = self._value(key)
        if not isinstance(value, list):
            raise self.wrong(key, f"{value!r} is not a list", f'write {key} = ["one", "another"]')
        found = tuple(self._as_text(f"{key}, entry {number}", entry) for number, entry in enumerate(value, 1))
        if len(found) < least:
            raise self.wrong(key, "too few entries" if found else "the list is empty", f"name at least {least}")
        if twice := repeated(found):
            raise self.wrong(key, f"{twice!r} is there twice", "take one out")
        return found

    def number(self, key: str, default: float, least: float = 0) -> float:
        """A number, at least `least`."""
        value = self.values[key] if key in self else default
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < least:
            raise self.wrong(key, f"{value!r} is no number from {least} up", f"write {key} = {default}")
        return value

    def whole(self, key: str, default: int) -> int:
        """A whole number, at least 1."""
        value = self.number(key, default, least=1)
        if not isinstance(value, int):
            raise self.wrong(key, f"{value!r} is no whole number", f"write {key} = {default}")
        return value

    def table(self, key: str) -> "Table":
        """The table under the header [key]."""
        value = self._value(key)
        if not isinstance(value, dict):
            raise self.wrong(key, f"{value!r} is not a table", f"write it under a line [{key}]")
        return Table(value, self.file, f"{self.place}{key}: ")

    def tables(self, key: str) -> list["Table"]:
        """The tables under the headers [[key]], each of which knows its number."""
        value = self._value(key, f"add one under a line [[{key}]]")
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.wrong(key, "not a list of tables", f"write each under a line [[{key}]]")
        if not value:
            raise self.wrong(key, "the list is empty", f"add one under a line [[{key}]]")
        return [Table(entry, self.file, f"{self.place}{key} {number}: ") for number, entry in enumerate(value, 1)]

    def either(self, *keys: str) -> str:
        """The one key of `keys` that is there."""
        there = [key for key in keys if key in self]
        if not there:
            raise self._missing(keys[0], f"write {' or '.join(keys)}")
        if len(there) > 1:
            raise self.wrong(there[1], f"{there[0]} is there too", "write only one of them")
        return there[0]

    def finish(self) -> None:
        """Raise an InputError if there is a key that nobody asked for."""
        for key in self.values:
            if key not in self.asked:
                close = get_close_matches(key, self.asked, 1)
                mend = f"did you mean {close[0]}?" if close else f"use one of {', '.join(self.asked)}"
                raise self.wrong(key, "no such key here", mend)

    def _value(self, key: str, mend: str = "") -> object:
        if key not in self:
            raise self._missing(key, mend or f"add a line {key} = ...")
        return self.values[key]

    def _missing(self, key: str, mend: str) -> InputError:
        close = get_close_matches(key, self.values.keys() - self.asked.keys(), 1)
        return self.wrong(key, "missing", f"rename {close[0]}, if that is meant" if close else mend)

    def _as_text(self, key: str, value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, f"{value!r} is not a text", "write it in quotes")
        if value != " ".join(value.split()):
            raise self.wrong(key, f"{value!r} has spaces or lines too many", "write single spaces between words")
        return value


def read(file: Path) -> str:
    """The text of `file`; a byte order mark, as some editors write it, is not part of it.

    Raises
    ------
    InputError: there is no such file, or it is not text in UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(str(file), "not text in UTF-8", "save it as UTF-8") from error
    except OSError as error:
        raise InputError(str(file), f"cannot be read ({error.strerror})", "check its name and folder") from error


def lines(file: Path) -> tuple[str, ...]:
    """The different lines of `file` but empty ones and comments, which begin with #.

    Raises
    ------
    InputError: as `read`; or it holds no line, or one twice.
    """
    found: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(read(file).splitlines(), 1):
        text = " ".join(line.split())
        if not text or text.startswith("#"):
            continue
        before, _ = found.setdefault(text.casefold(), (number, text))
        if before != number:
            raise InputError(f"{file}, line {number}", f"{text!r} is in line {before} already", "take one out")
    if not found:
        raise InputError(str(file), "nothing is in it", "write one entry a line")
    return tuple(text for _, text in found.values())


def repeated(texts: Iterable[str]) -> str:
    """The first text that was there before, whatever its case; empty if there is none."""
    seen: set[str] = set()
    for text in texts:
        if text.casefold() in seen:
            return text
        seen.add(text.casefold())
    return ""
