"""The list of what the store holds: SQLite, derived from the HDF5 files, so that pages open none of them to list.

It may be deleted at any time. Every look at it asks the folders, not the files, what changed: a file is published by
renaming it into place, which changes the time of its folder. What is written into a file in place is not seen.
"""

import math
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from store import hdf5
from store.errors import BrokenFileError, NewerFormatError, StoreError
from store.records import RunKey

NAME = "catalogue.sqlite"
VERSION = 3
SETTLED = 2 * 10**9  # ns after which a folder can no longer change without its time changing too
QUANTITIES = tuple(hdf5.DATASETS.values())
KEY = ("model", "revision", "prompt", "guidance", "image")
ABOUT = ("first", "second", "mode", "measure", "estimator", "noises", "seeds")
VALUES = tuple(column for name in QUANTITIES for column in (name, f"{name}_se"))
SCHEMA = f"""
BEGIN EXCLUSIVE;
DROP TABLE IF EXISTS entries;
DROP TABLE IF EXISTS files;
DROP TABLE IF EXISTS folders;
CREATE TABLE folders (path TEXT PRIMARY KEY, modified INTEGER);
CREATE TABLE files (path TEXT PRIMARY KEY, folder TEXT, modified INTEGER, size INTEGER, problem TEXT);
CREATE INDEX files_folder ON files (folder);
CREATE TABLE entries (
    path TEXT REFERENCES files ON DELETE CASCADE, created TEXT,
    {", ".join(f"{name} TEXT" for name in KEY if name != "guidance")}, guidance REAL,
    {", ".join(f"{name} TEXT" for name in ABOUT[:5])}, noises INTEGER, seeds INTEGER,
    {", ".join(f"{name} REAL" for name in VALUES)}
);
CREATE INDEX entries_path ON entries (path);
CREATE INDEX entries_created ON entries (created);
PRAGMA user_version = {VERSION};
COMMIT;
"""


@dataclass(frozen=True)
class Entry:
    """One pair of one prompt in one mode: means over images, in nats."""

    path: Path
    key: RunKey
    created: str
    first: str
    second: str
    mode: str
    measure: str
    estimator: str
    noises: int
    seeds: int
    totals: dict[str, tuple[float, float]]  # quantity -> (mean over images, standard error of estimation)

    @property
    def pair(self) -> str:
        """The pair as addresses name it."""
        return f"{self.first}+{self.second}"


class Catalogue:
    """The catalogue of the store in folder `root`; kept in memory where that folder cannot be written.

    Every method first brings it in step with the files, and raises StoreError where it cannot be written.
    """

    def __init__(self, root: Path):
        self.root = root

    def stamp(self) -> tuple:
        """What changes with what is there: whatever was read of the catalogue may be kept under it."""
        folders, now = self._folders(), time.time_ns()
        settled = all(now - modified > SETTLED for modified in folders.values())
        return *sorted(folders.items()), 0 if settled else now

    def rebuild(self) -> None:
        """Forget everything and read all files anew."""
        with self._connected() as database:
            database.execute("DELETE FROM files")
            database.execute("DELETE FROM folders")
            self._refresh(database)

    def entries(self, model: str | None = None, text: str = "") -> list[Entry]:
        """What is there, newest first; `text` must occur in the prompt."""
        query = "SELECT * FROM entries WHERE (?1 IS NULL OR model = ?1) AND instr(lower(prompt), lower(?2))"
        with self._connected() as database:
            self._refresh(database)
            rows = database.execute(f"{query} ORDER BY created DESC, path, first, second, mode DESC", (model, text))
            return [self._entry(row) for row in rows]

    def broken(self) -> list[tuple[Path, str]]:
        """Files that cannot be used, each with the reason and the mend."""
        with self._connected() as database:
            self._refresh(database)
            rows = database.execute("SELECT path, problem FROM files WHERE problem != '' ORDER BY path")
            return [(self.root / row["path"], row["problem"]) for row in rows]

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(self._open()) as database, database:
                yield database
        except sqlite3.OperationalError as error:
            raise StoreError(self.root / NAME, str(error), "try again, or delete it: it is rebuilt") from error

    def _open(self) -> sqlite3.Connection:
        if not os.access(self.root, os.W_OK):
            return self._prepared(":memory:")
        try:
            return self._prepared(self.root / NAME)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            (self.root / NAME).unlink(missing_ok=True)
            return self._prepared(self.root / NAME)

    def _prepared(self, place: Path | str) -> sqlite3.Connection:
        database = sqlite3.connect(place, timeout=20)
        database.row_factory = sqlite3.Row
        database.execute("PRAGMA foreign_keys = ON")
        if database.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            database.executescript(SCHEMA)
        return database

    def _refresh(self, database: sqlite3.Connection) -> None:
        known = {row["path"]: row["modified"] for row in database.execute("SELECT * FROM folders")}
        now, present = time.time_ns(), self._folders()
        for folder, modified in present.items():
            if known.get(folder) != modified:
                self._scan(database, folder)
                if now - modified > SETTLED:
                    database.execute("INSERT OR REPLACE INTO folders VALUES (?, ?)", (folder, modified))
        for folder in known.keys() - present.keys():
            self._scan(database, folder)
            database.execute("DELETE FROM folders WHERE path = ?", (folder,))

    def _folders(self) -> dict[str, int]:
        """The folders that files are published in, and when something in them last changed."""
        found = {}
        for folder in hdf5.folders(self.root):
            try:
                found[str(folder.relative_to(self.root))] = folder.stat().st_mtime_ns
            except FileNotFoundError:  # removed since it was listed
                continue
        return found

    def _scan(self, database: sqlite3.Connection, folder: str) -> None:
        """Bring the files of one folder in step."""
        rows = database.execute("SELECT * FROM files WHERE folder = ?", (folder,))
        known = {row["path"]: (row["modified"], row["size"]) for row in rows}
        present = {}
        for path in (self.root / folder).glob(hdf5.FILES):
            try:
                status = path.stat()
            except FileNotFoundError:  # removed since it was listed
                continue
            present[str(path.relative_to(self.root))] = (status.st_mtime_ns, status.st_size)
        changed = {name for name, stamp in present.items() if known.get(name) != stamp}
        gone = known.keys() - present.keys()
        database.executemany("DELETE FROM files WHERE path = ?", [(name,) for name in changed | gone])
        for name in sorted(changed):
            self._add(database, name, folder, present[name])

    def _add(self, database: sqlite3.Connection, name: str, folder: str, stamp: tuple[int, int]) -> None:
        try:
            totals = hdf5.read_totals(self.root / name)
            key, created, rows, problem = totals.key, totals.created, totals.rows, "; ".join(totals.problems)
        except (BrokenFileError, NewerFormatError) as error:
            rows, problem = [], f"{error.cause}; {error.mend}"
        database.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?)", (name, folder, *stamp, problem))
        for row in rows:
            row = {column: row[column] for column in (*ABOUT, *VALUES)}
            values = {"path": name, "created": created, **{part: getattr(key, part) for part in KEY}, **row}
            columns = ", ".join(values)
            marks = ", ".join("?" * len(values))
            database.execute(f"INSERT INTO entries ({columns}) VALUES ({marks})", tuple(values.values()))

    def _entry(self, row: sqlite3.Row) -> Entry:
        return Entry(
            path=self.root / row["path"],
            key=RunKey(*(row[part] for part in KEY)),
            created=row["created"],
            totals={name: (_number(row[name]), _number(row[f"{name}_se"])) for name in QUANTITIES},
            **{name: row[name] for name in ABOUT},
        )


def _number(value: float | None) -> float:
    """What was stored: SQLite keeps NaN as NULL."""
    return math.nan if value is None else value
