"""The catalogue is brought up to date with the files.

Each time it asks the folders, not the files, what changed: a file is published by renaming it into place, which
changes the time of its folder. A change of a file in place is seen once its entries are listed: see `look`.
"""

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from store import hdf5
from store.catalogue import schema
from store.catalogue.entry import run_of
from store.errors import BrokenFileError, NewerFormatError, printable
from store.files.atomic import SUFFIX, replacing
from store.files.locks import locked
from store.records import RunKey, pair_name

NO_NAME = "its name is not UTF-8; rename it"
SETTLED = 2 * 10**9  # ns after which a folder can no longer change without its time changing too


@dataclass(frozen=True)
class _Content:
    """What the catalogue keeps of one file; of a broken one only the problem."""

    path: str  # in the store
    stamp: tuple[int, int]  # time of change in ns, size
    problem: str
    key: RunKey | None = None
    created: str = ""
    rows: Sequence[dict] = ()


def folders(root: Path) -> dict[str, int]:
    """Return the folders that files of the store `root` are published in, each with the time of its change in ns."""
    found = {}
    for model in _inside(root / hdf5.MAPS):
        if _is_text(model.name) and model.is_dir():
            for folder in _inside(Path(model.path)):
                try:
                    if _is_text(folder.name) and folder.is_dir():
                        found[f"{hdf5.MAPS}/{model.name}/{folder.name}"] = os.stat(folder.path).st_mtime_ns
                except FileNotFoundError:  # removed since it was listed
                    continue
    return found


def _is_text(name: str) -> bool:
    """Return whether the name of a folder is UTF-8."""
    return name == name.encode(errors="replace").decode()


def refresh(database: sqlite3.Connection, root: Path) -> None:
    """Read the files of `root` that changed since the last time, in one transaction for each folder."""
    known = dict(database.execute("SELECT path, modified FROM folders"))
    now, present = time.time_ns(), folders(root)
    looked = {}
    for folder in sorted(present.keys() | known.keys()):
        if known.get(folder) != present.get(folder):
            _bring(database, root, folder)
            looked[folder] = present.get(folder)
    settled = [(path, modified) for path, modified in looked.items() if modified and now - modified > SETTLED]
    gone = [(path,) for path, modified in looked.items() if modified is None]
    if settled or gone:
        with _writing(database):
            database.executemany("INSERT OR REPLACE INTO folders VALUES (?, ?)", settled)
            database.executemany("DELETE FROM folders WHERE path = ?", gone)


def look(database: sqlite3.Connection, root: Path, paths: Iterable[Path]) -> bool:
    """Read again those files among `paths` that were changed in place; return whether there were any."""
    names = [path.relative_to(root).as_posix() for path in paths]
    query = "SELECT path, folder, modified, size FROM files WHERE path IN (SELECT value FROM json_each(?))"
    rows = database.execute(query, (json.dumps(names),)).fetchall()
    changed = {folder for path, folder, *stamp in rows if _stamp(root / path) != tuple(stamp)}
    for folder in sorted(changed):
        _bring(database, root, folder)
    return bool(changed)


def rebuild(root: Path, place: Path, anew: bool = True) -> Iterator[tuple[int, int]]:
    """Write the catalogue of the store `root` into `place`, aside and then in one step; yields (files done, in all).

    A process that finds another one at it waits; without `anew`, it then takes the other one's catalogue.
    """
    if not anew and _is_built(place):
        return
    with locked(Path(f"{place}.lock")):
        if not anew and _is_built(place):
            return
        for left in place.parent.glob(f".{place.stem}-*{SUFFIX}"):
            left.unlink(missing_ok=True)
        with ExitStack() as meanwhile, replacing(place, over_link=True) as aside:
            with closing(sqlite3.connect(aside, isolation_level=None)) as database:
                database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + schema.TABLES)
                yield from _fill(database, root)
                database.executescript(schema.INDEXES + schema.MARK)
            meanwhile.enter_context(_quiet(place))


def _is_built(place: Path) -> bool:
    database = schema.connect(place)
    if database:
        database.close()
    return database is not None


def _fill(database: sqlite3.Connection, root: Path) -> Iterator[tuple[int, int]]:
    now, present = time.time_ns(), folders(root)
    done, total = 0, sum(len(_listed(root, folder)) for folder in present)
    database.execute("BEGIN")
    for folder, modified in sorted(present.items()):
        for path, stamp in sorted(_listed(root, folder).items()):
            if content := _read(root, path, stamp):
                _add(database, folder, content)
            done += 1
            yield done, max(done, total)
        if now - modified > SETTLED:
            database.execute("INSERT INTO folders VALUES (?, ?)", (folder, modified))
    database.execute("COMMIT")


@contextmanager
def _quiet(place: Path) -> Iterator[None]:
    """Keep everybody from writing `place`: its journal would be taken for that of the file that replaces it."""
    with ExitStack() as opened:
        try:
            if place.exists():
                database = opened.enter_context(closing(sqlite3.connect(place, schema.PATIENCE, isolation_level=None)))
                database.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            if not schema.damaged(error):
                raise
            Path(f"{place}-journal").unlink(missing_ok=True)
        yield


def _inside(folder: Path) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as inside:
            return list(inside)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _listed(root: Path, folder: str) -> dict[str, tuple[int, int]]:
    """Return the files in `folder`: path in the store -> (time of change in ns, size)."""
    found = {}
    for file in _inside(root / folder):
        if fnmatch(file.name, hdf5.FILES) and (stamp := _stamp(Path(file.path))):
            found[f"{folder}/{printable(file.name)}"] = stamp
    return found


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return time of change in ns and size of a file; None if it is gone."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _bring(database: sqlite3.Connection, root: Path, folder: str) -> None:
    """Bring the files of one folder up to date: read all first, then write at once, so that nobody waits long."""
    rows = database.execute("SELECT path, modified, size FROM files WHERE folder = ?", (folder,))
    known = {path: (modified, size) for path, modified, size in rows}
    present = _listed(root, folder)
    changed = {path: stamp for path, stamp in sorted(present.items()) if known.get(path) != stamp}
    contents = [content for path, stamp in changed.items() if (content := _read(root, path, stamp))]
    removed = (known.keys() - present.keys()) | changed.keys()
    if removed:
        with _writing(database):
            for path in removed:
                _remove(database, path)
            for content in contents:
                _add(database, folder, content)


@contextmanager
def _writing(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _read(root: Path, path: str, stamp: tuple[int, int]) -> _Content | None:
    """Return the totals of a file, or its problem; None if somebody removed it since it was listed."""
    try:
        found = hdf5.read_totals(root / path)
        return _Content(
            path=path,
            stamp=stamp,
            problem="; ".join(found.problems),
            key=found.key,
            created=found.created,
            rows=found.rows,
        )
    except (BrokenFileError, NewerFormatError) as error:
        if (root / path).exists():
            return _Content(path, stamp, f"{error.cause}; {error.mend}")
        return _Content(path, stamp, NO_NAME) if "\\" in path else None  # escaped, or removed since it was listed


def _remove(database: sqlite3.Connection, path: str) -> None:
    for (file,) in database.execute("SELECT id FROM files WHERE path = ?", (path,)).fetchall():
        numbers = file << schema.PLACES, file + 1 << schema.PLACES
        for table, column in (("entries", "id"), ("labels", "entry"), ("samples", "entry")):
            database.execute(f"DELETE FROM {table} WHERE {column} >= ? AND {column} < ?", numbers)
        database.execute("DELETE FROM words WHERE rowid = ?", (file,))
        database.execute("DELETE FROM files WHERE id = ?", (file,))


def _add(database: sqlite3.Connection, folder: str, content: _Content) -> None:
    file, key = _number(database, content.path), content.key
    about = (run_of(Path(content.path)), key.revision, key.guidance, key.image) if key else (None,) * 4
    whole = (file, content.path, folder, *content.stamp, content.problem, *about)
    database.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", whole)
    if key is None:
        return
    database.execute("INSERT INTO words (rowid, prompt) VALUES (?, ?)", (file, key.prompt))
    database.execute("INSERT OR IGNORE INTO models (name) VALUES (?)", (key.model,))
    (model,) = database.execute("SELECT id FROM models WHERE name = ?", (key.model,)).fetchone()
    for number, row in enumerate(reversed(content.rows), file << schema.PLACES):  # as most lists have the last first
        texts = content.created, key.prompt, pair_name(row["first"], row["second"])
        values = number, model, *texts, *(row[name] for name in (*schema.ABOUT, *schema.VALUES))
        database.execute(f"INSERT INTO entries VALUES ({', '.join('?' * len(values))})", values)
        for label in row["labels"]:
            database.execute("INSERT OR IGNORE INTO labels VALUES (?, ?, ?, ?)", (number, *label))
        seeds = np.asarray(row["image_seeds"], "<i8").tobytes()
        samples, together = (np.asarray(row[name], "<f8").tobytes() for name in ("samples", "together"))
        sampled = number, " ".join(row["sample_names"]), seeds, samples, together
        database.execute("INSERT INTO samples VALUES (?, ?, ?, ?, ?)", sampled)


def _number(database: sqlite3.Connection, path: str) -> int:
    """Return the number of the file `path`: the start of its digest, or the next free number."""
    number = int.from_bytes(hashlib.sha256(path.encode()).digest()[:6], "big")
    while database.execute("SELECT 1 FROM files WHERE id = ?", (number,)).fetchone():
        number += 1
    return number
