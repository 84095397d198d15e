"""Review notes: what people wrote about results, kept in every version.

The key of a note never changes, so renaming or recomputing a result loses no note. Nothing is ever overwritten: a
revision is one more version.
"""

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from store.errors import NO_CHARACTER, InputError
from store.files.database import Database
from store.records import RunKey

NAME = "notes.sqlite"
LONGEST = 20_000  # characters
SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (
    number INTEGER, version INTEGER, key TEXT NOT NULL, author TEXT NOT NULL, written TEXT NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (number, version)
);
CREATE INDEX IF NOT EXISTS notes_key ON notes (key);
CREATE TABLE IF NOT EXISTS pins (
    number INTEGER PRIMARY KEY, address TEXT NOT NULL, title TEXT NOT NULL, content TEXT NOT NULL
);
"""
SOUND = "typeof(n.number) = 'integer' AND typeof(n.version) = 'integer'"
NEWEST = (
    f"{SOUND} AND version = (SELECT max(version) FROM notes WHERE number = n.number AND typeof(version) = 'integer') "
    "AND text != '' ORDER BY number"
)


@dataclass(frozen=True)
class Note:
    """One version of a note. An empty text means that somebody took the note back."""

    number: int
    version: int
    key: str
    author: str
    written: str  # UTC, ISO 8601
    text: str


@dataclass(frozen=True)
class Pin:
    """What was on screen when a note was written; it stays when the result is computed anew."""

    address: str  # path and query of the page
    title: str
    content: str  # figures and tables, in the form of the page that shows them


def key_of(run: RunKey, words: tuple[str, str] | None = None, mode: str = "", seed: int | None = None) -> str:
    """Return the key of a note about a prompt of a model, a pair of its words, or one image of that pair."""
    return hashlib.sha256(json.dumps([*astuple(run), words, mode, seed]).encode()).hexdigest()


def key_of_view(page: str, **content: str) -> str:
    """Return the key of a note about a whole view: its page, and what of the store the page shows."""
    return hashlib.sha256(json.dumps([page, content], sort_keys=True).encode()).hexdigest()


class RevisedMeanwhileError(InputError):
    """Somebody else revised a note, or took it back, while one was writing. `newest` is the note as it is now."""

    def __init__(self, newest: Note):
        what = "revised it" if newest.text else "took it back"
        super().__init__(
            f"note {newest.number}",
            f"{newest.author} {what} meanwhile",
            "compare both texts, and save again: no version is lost",
        )
        self.newest = newest

    def __reduce__(self) -> tuple:
        return type(self), (self.newest,)


class Notes:
    """The notes of the store in folder `root`. Every method raises StoreError where it cannot read or write them."""

    def __init__(self, root: Path):
        self._file = Database(
            root / NAME,
            lambda database: database.executescript(SCHEMA),
            "try again, or check that it is the file of the notes",
        )

    def add(self, key: str, author: str, text: str, pin: Pin | None = None) -> Note:
        """Write a new note about `key`, with what was on screen if `pin` is given; returns the note.

        Raises
        ------
        InputError: text or author is empty, or the text too long.
        """
        with self._file.changing() as database:
            number = database.execute(f"SELECT coalesce(max(number), 0) + 1 FROM notes AS n WHERE {SOUND}").fetchone()[
                0
            ]
            text = _checked(author, text)
            note = self._write(
                database, Note(number=number, version=1, key=key, author=author, written=_now(), text=text)
            )
            if pin:
                database.execute("INSERT INTO pins VALUES (?, ?, ?, ?)", (number, *astuple(pin)))
            return note

    def revise(self, number: int, author: str, text: str, after: int | None = None) -> Note:
        """Write one more version of a note; return it. `after` is the version that its author had in view.

        Raises
        ------
        RevisedMeanwhileError: there is a newer version than `after`; nothing is written.
        InputError: there is no such note, text or author is empty, or the text is too long.
        """
        return self._append(number, author, _checked(author, text), after)

    def withdraw(self, number: int, author: str, after: int | None = None) -> Note:
        """Take a note back: it is no longer listed, but its versions stay. Returns the last, empty version.

        Raises as `revise` does.
        """
        _checked(author, "taken back")
        return self._append(number, author, "", after)

    def about(self, key: str) -> list[Note]:
        """Return the notes about `key` in their newest version, in the order of their first version."""
        return [_note(row) for row in self._file.rows(f"SELECT * FROM notes AS n WHERE key = ? AND {NEWEST}", (key,))]

    def pinned(self) -> list[tuple[Note, Pin]]:
        """Return every note with a pin, in its newest version, and the pin; in the order of their first version."""
        rows = self._file.rows(
            f"SELECT n.*, address, title, content FROM notes AS n JOIN pins USING (number) WHERE {NEWEST}"
        )
        return [(_note(row[:-3]), Pin(*map(_text, row[-3:]))) for row in rows]

    def count_pinned(self) -> int:
        """Return how many notes have a pin, without reading the pins."""
        query = f"SELECT number FROM notes AS n JOIN pins USING (number) WHERE {NEWEST}"
        return len(self._file.rows(query))

    def history(self, number: int) -> list[Note]:
        """Return all versions of one note, oldest first."""
        query = f"SELECT * FROM notes AS n WHERE number = ? AND {SOUND} ORDER BY version"
        return [_note(row) for row in self._file.rows(query, (number,))]

    def _append(self, number: int, author: str, text: str, after: int | None) -> Note:
        with self._file.changing() as database:
            last = database.execute(
                f"SELECT * FROM notes AS n WHERE number = ? AND {SOUND} ORDER BY version DESC LIMIT 1", (number,)
            ).fetchone()
            if last is None:
                raise InputError(f"note {number}", "there is none", "write a new one")
            newest = _note(last)
            if after is not None and newest.version > after:
                raise RevisedMeanwhileError(newest)
            note = replace(newest, version=newest.version + 1, author=author, written=_now(), text=text)
            return self._write(database, note)

    def _write(self, database: sqlite3.Connection, note: Note) -> Note:
        database.execute("INSERT INTO notes VALUES (?, ?, ?, ?, ?, ?)", astuple(note))
        return note


def _note(row: Sequence) -> Note:
    """Return the note in a row; the file may have been changed by hand."""
    number, version, key, author, written, text = row
    return Note(
        number=number,
        version=version,
        key=_text(key),
        author=_text(author),
        written=_text(written),
        text=_text(text),
    )


def _text(value: object) -> str:
    return NO_CHARACTER.sub("\ufffd", value) if isinstance(value, str) else f"(unreadable: {type(value).__name__})"


def _checked(author: str, text: str) -> str:
    if not author.strip() or not text.strip():
        raise InputError("note", "author or text is empty", "fill in both")
    if NO_CHARACTER.search(author + text):
        raise InputError("note", "author or text holds what is no character", "write it anew")
    if len(text) > LONGEST:
        raise InputError("note", f"{len(text)} characters are more than {LONGEST}", "shorten it")
    return text


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
