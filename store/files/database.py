"""SQLite files beside the results, which several processes read and write at once."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from store.errors import StoreError

PATIENCE = 30  # seconds that one waits for others


@dataclass(frozen=True)
class Database:
    """The SQLite file at `path`, which `prepare` makes at the first change. Failures are StoreErrors with `mend`."""

    path: Path
    prepare: Callable[[sqlite3.Connection], object]
    mend: str

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple]:
        """Return rows of the file, which need not be writable; none if there is no file."""
        if not self.path.exists():
            return []
        try:
            with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", PATIENCE, uri=True)) as database:
                return database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(self.path, str(error), self.mend) from error

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Yield the database in a transaction of its own: other writers wait, an error undoes it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, PATIENCE, isolation_level=None)) as database:
                self.prepare(database)
                database.execute("BEGIN IMMEDIATE")
                try:
                    yield database
                except BaseException:
                    database.execute("ROLLBACK")
                    raise
                database.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise StoreError(self.path, str(error), self.mend) from error
