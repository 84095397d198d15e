"""Review notes: what somebody wrote about a result, kept in every version.

A note hangs on a key that never changes, so renaming or recomputing loses none. Nothing is ever overwritten:
a revision is one more version, so two people who write at once both stay readable.
"""

import hashlib
import json
import sqlite3
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path

from store.errors import InputError
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
NEWEST = "version = (SELECT max(version) FROM notes WHERE number = n.number) AND text != '' ORDER BY number"


@dataclass(frozen=True)
class Note:
    """One version of a note. An empty text means that its author took it back."""

    number: int
    version: int
    key: str
    author: str
    written: str  # UTC, ISO 8601
    text: str


@dataclass(frozen=True)
class Pin:
    """What was on screen when a note was written: a result may be computed anew, what was argued about stays."""

    address: str  # path and query of the page
    title: str
    content: str  # figures and tables, as whoever shows them keeps them


def key_of(run: RunKey, words: tuple[str, str] | None = None, mode: str = "", seed: int | None = None) -> str:
    """The key of what a note is about: a prompt of a model, or a pair of its words, or one image of that."""
    return hashlib.sha256(json.dumps([*astuple(run), words, mode, seed]).encode()).hexdigest()


def key_of_view(page: str, **content: str) -> str:
    """The key of what a note about a whole view is about: its page and what of the store it shows."""
    return hashlib.sha256(json.dumps([page, content], sort_keys=True).encode()).hexdigest()


class Notes:
    """The notes of the store in folder `root`; every method raises StoreError where they cannot be read or written."""

    def __init__(self, root: Path):
        self._file = Database(
            root / NAME,
            lambda database: database.executescript(SCHEMA),
            "try again, or check that it is the file of the notes",
        )

    def add(self, key: str, author: str, text: str, pin: Pin | None = None) -> Note:
        """A new note about `key`, with what was on screen if it is to be kept.

        Raises
        ------
        InputError: text or author is empty, or the text too long.
        """
        with self._file.changing() as database:
            number = database.execute("SELECT coalesce(max(number), 0) + 1 FROM notes").fetchone()[0]
            note = self._write(database, Note(number, 1, key, author, _now(), _checked(author, text)))
            if pin:
                database.execute("INSERT INTO pins VALUES (?, ?, ?, ?)", (number, *astuple(pin)))
            return note

    def revise(self, number: int, author: str, text: str) -> Note:
        """One more version of a note, after all that there are."""
        return self._append(number, author, _checked(author, text))

    def withdraw(self, number: int, author: str) -> Note:
        """Take a note back: it is no longer listed, its versions stay."""
        return self._append(number, author, "")

    def about(self, key: str) -> list[Note]:
        """The notes on `key` in their newest version, in the order in which they were first written."""
        return [Note(*row) for row in self._file.rows(f"SELECT * FROM notes AS n WHERE key = ? AND {NEWEST}", (key,))]

    def pinned(self) -> list[tuple[Note, Pin]]:
        """Every note that keeps what was on screen, in its newest version, with that; in the order of the first."""
        rows = self._file.rows(
            f"SELECT n.*, address, title, content FROM notes AS n JOIN pins USING (number) WHERE {NEWEST}"
        )
        return [(Note(*row[:-3]), Pin(*row[-3:])) for row in rows]

    def count_pinned(self) -> int:
        """How many `pinned` gives, without reading what they keep."""
        query = f"SELECT number FROM notes AS n JOIN pins USING (number) WHERE {NEWEST}"
        return len(self._file.rows(query))

    def history(self, number: int) -> list[Note]:
        """All versions of one note, oldest first."""
        return [
            Note(*row) for row in self._file.rows("SELECT * FROM notes WHERE number = ? ORDER BY version", (number,))
        ]

    def _append(self, number: int, author: str, text: str) -> Note:
        with self._file.changing() as database:
            last = database.execute(
                "SELECT version, key FROM notes WHERE number = ? ORDER BY version DESC LIMIT 1", (number,)
            ).fetchone()
            if last is None:
                raise InputError(f"note {number}", "there is none", "write a new one")
            return self._write(database, Note(number, last[0] + 1, last[1], author, _now(), text))

    def _write(self, database: sqlite3.Connection, note: Note) -> Note:
        database.execute("INSERT INTO notes VALUES (?, ?, ?, ?, ?, ?)", astuple(note))
        return note


def _checked(author: str, text: str) -> str:
    if not author.strip() or not text.strip():
        raise InputError("note", "author or text is empty", "fill in both")
    if len(text) > LONGEST:
        raise InputError("note", f"{len(text)} characters are more than {LONGEST}", "shorten it")
    return text


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
