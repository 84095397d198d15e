"""SQLite files beside the results, which several processes read and write at once."""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from store.errors import StoreError

PATIENCE = 30  # seconds that one waits for others
NOT_WRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


@dataclass(frozen=True)
class Database:
    """The SQLite file at `path`, which `prepare` makes at the first change. Failures are StoreErrors with `mend`.

    `check` raises StoreError for a file that must not be used. Text that is not UTF-8 is read with replacement
    characters.
    """

    path: Path
    prepare: Callable[[sqlite3.Connection], object]
    mend: str
    check: Callable[[sqlite3.Connection], object] = lambda _: None
    patience: float = PATIENCE  # seconds that it waits for others

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple]:
        """Return rows of the file, which need not be writable; none if there is no file, or nothing was written yet.

        Where the file system takes no lock files, as one that is mounted read-only, a copy of the file is read.
        """
        try:
            if not self._exists():
                return []
            try:
                return self._fetch(f"{self.path.absolute().as_uri()}?mode=ro", query, values)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in NOT_WRITABLE:
                    raise
            return self._fetch_from_copy(query, values)
        except (sqlite3.Error, OSError, OverflowError) as error:
            raise StoreError(self.path, str(error), self.mend) from error

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Yield the database in a transaction of its own: other writers wait, an error undoes it."""
        try:
            self._exists()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, self.patience, isolation_level=None)) as database:
                database.text_factory = _text
                self.check(database)
                self.prepare(database)
                database.execute("BEGIN IMMEDIATE")
                try:
                    yield database
                except BaseException:
                    database.execute("ROLLBACK")
                    raise
                database.execute("COMMIT")
        except (sqlite3.Error, OSError, OverflowError) as error:
            raise StoreError(self.path, str(error), self.mend) from error

    def _exists(self) -> bool:
        """Whether there is a file; raises StoreError if something else is in its place."""
        if self.path.exists() and not self.path.is_file():
            raise StoreError(self.path, "it is no regular file", "move it away")
        return self.path.exists()

    def _fetch(self, address: str, query: str, values: Sequence[object]) -> list[tuple]:
        with closing(sqlite3.connect(address, self.patience, uri=True)) as database:
            database.text_factory = _text
            if not tables_of(database):
                return []
            self.check(database)
            return database.execute(query, values).fetchall()

    def _fetch_from_copy(self, query: str, values: Sequence[object]) -> list[tuple]:
        """Read a copy that has what the write-ahead log holds, if a writer left one."""
        log = self.path.with_name(f"{self.path.name}-wal")
        if not log.exists():
            return self._fetch(f"{self.path.absolute().as_uri()}?mode=ro&immutable=1", query, values)
        with tempfile.TemporaryDirectory() as folder:
            for file in (self.path, log):
                shutil.copyfile(file, Path(folder, file.name))
            return self._fetch(f"{Path(folder, self.path.name).as_uri()}?mode=rw", query, values)


def tables_of(database: sqlite3.Connection) -> set[str]:
    """Return the names of the tables in `database`."""
    return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
