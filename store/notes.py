"""Review notes: what somebody wrote about a result, kept in every version.

A note hangs on a key that never changes, so renaming or recomputing loses none. Nothing is ever overwritten:
a revision is one more version, so two people who write at once both stay readable.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path

from store.errors import InputError, StoreError
from store.records import RunKey

NAME = "notes.sqlite"
LONGEST = 20_000  # characters
SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (
    number INTEGER, version INTEGER, key TEXT NOT NULL, author TEXT NOT NULL, written TEXT NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (number, version)
);
CREATE INDEX IF NOT EXISTS notes_key ON notes (key);
"""


@dataclass(frozen=True)
class Note:
    """One version of a note. An empty text means that its author took it back."""

    number: int
    version: int
    key: str
    author: str
    written: str  # UTC, ISO 8601
    text: str


def key_of(run: RunKey, words: tuple[str, str] | None = None, mode: str = "", seed: int | None = None) -> str:
    """The key of what a note is about: a prompt of a model, or a pair of its words, or one image of that."""
    return hashlib.sha256(json.dumps([*astuple(run), words, mode, seed]).encode()).hexdigest()


class Notes:
    """The notes of the store in folder `root`; every method raises StoreError where they cannot be read or written."""

    def __init__(self, root: Path):
        self.root = root

    def add(self, key: str, author: str, text: str) -> Note:
        """A new note about `key`; raises InputError if text or author is empty, or the text too long."""
        with self._connected() as database:
            number = database.execute("SELECT coalesce(max(number), 0) + 1 FROM notes").fetchone()[0]
            return self._write(database, Note(number, 1, key, author, _now(), _checked(author, text)))

    def revise(self, number: int, author: str, text: str) -> Note:
        """One more version of a note, after all that there are."""
        return self._append(number, author, _checked(author, text))

    def withdraw(self, number: int, author: str) -> Note:
        """Take a note back: it is no longer listed, its versions stay."""
        return self._append(number, author, "")

    def about(self, key: str) -> list[Note]:
        """The notes on `key` in their newest version, in the order in which they were first written."""
        newest = "(SELECT max(version) FROM notes WHERE number = n.number)"
        query = f"SELECT * FROM notes AS n WHERE key = ? AND version = {newest} AND text != '' ORDER BY number"
        return self._read(query, key)

    def history(self, number: int) -> list[Note]:
        """All versions of one note, oldest first."""
        with self._connected() as database:
            return [
                Note(*row)
                for row in database.execute("SELECT * FROM notes WHERE number = ? ORDER BY version", (number,))
            ]

    def _append(self, number: int, author: str, text: str) -> Note:
        with self._connected() as database:
            last = database.execute(
                "SELECT version, key FROM notes WHERE number = ? ORDER BY version DESC LIMIT 1", (number,)
            ).fetchone()
            if last is None:
                raise InputError(f"note {number}", "there is none", "write a new one")
            return self._write(database, Note(number, last[0] + 1, last[1], author, _now(), text))

    def _write(self, database: sqlite3.Connection, note: Note) -> Note:
        database.execute("INSERT INTO notes VALUES (?, ?, ?, ?, ?, ?)", astuple(note))
        return note

    def _read(self, query: str, value: object) -> list[Note]:
        """Notes from a file that need not be writable, or be there."""
        path = self.root / NAME
        if not path.exists():
            return []
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", timeout=20, uri=True)) as database:
                return [Note(*row) for row in database.execute(query, (value,))]
        except sqlite3.Error as error:
            raise self._trouble(error) from error

    def _trouble(self, error: Exception) -> StoreError:
        return StoreError(self.root / NAME, str(error), "try again, or check that it is the file of the notes")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """A transaction that no other writer gets between: numbers and versions follow one another."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.root / NAME, timeout=20, isolation_level=None)) as database:
                database.executescript(SCHEMA)
                database.execute("BEGIN IMMEDIATE")
                try:
                    yield database
                except BaseException:
                    database.execute("ROLLBACK")
                    raise
                database.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise self._trouble(error) from error


def _checked(author: str, text: str) -> str:
    if not author.strip() or not text.strip():
        raise InputError("note", "author or text is empty", "fill in both")
    if len(text) > LONGEST:
        raise InputError("note", f"{len(text)} characters are more than {LONGEST}", "shorten it")
    return text


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
