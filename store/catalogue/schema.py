"""The tables of the catalogue, and the place of its file.

The number of a file comes from its path, the number of an entry from its file's number and its place in the file. All
catalogues of the same files have the same numbers: ties fall alike, and a list can be read on after a rebuild.
"""

import hashlib
import os
import sqlite3
import zlib
from pathlib import Path

from store import hdf5, settings
from store.files.locks import is_lockable

NAME = "catalogue.sqlite"
VERSION = 6
PATIENCE = 20  # s to wait for another process
PLACES = 15  # bits of an entry's number that count the entries of one file
QUANTITIES = tuple(hdf5.DATASETS.values())
ABOUT = ("first", "second", "mode", "measure", "estimator", "noises", "seeds")
VALUES = tuple(column for name in QUANTITIES for column in (name, f"{name}_se"))
LABEL = ("study", "attribute", "subject")
TEXTS = ("created", "prompt", "pair")
SORTS = (*TEXTS, "seeds", *QUANTITIES)
# Combining marks and symbols belong to words: without them Hindi falls apart and emoji are lost.
TOKENS = "unicode61 remove_diacritics 2 categories 'L* M* N* Co So'"
TABLES = f"""
CREATE TABLE folders (path TEXT PRIMARY KEY, modified INTEGER) WITHOUT ROWID;
CREATE TABLE files (
    id INTEGER PRIMARY KEY, path TEXT UNIQUE, folder TEXT, modified INTEGER, size INTEGER, problem TEXT,
    run TEXT, revision TEXT, guidance REAL, image TEXT
);
CREATE TABLE models (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE VIRTUAL TABLE words USING fts5 (prompt, prefix = '1 2 3', tokenize = "{TOKENS}");
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, model INTEGER, {", ".join(f"{name} TEXT" for name in (*TEXTS, *ABOUT[:5]))},
    noises INTEGER, seeds INTEGER, {", ".join(f"{name} REAL" for name in VALUES)}
);
CREATE TABLE labels (
    entry INTEGER, {", ".join(f"{name} TEXT" for name in LABEL)}, PRIMARY KEY (study, entry, attribute, subject)
) WITHOUT ROWID;
CREATE TABLE samples (entry INTEGER PRIMARY KEY, names TEXT, seeds BLOB, samples BLOB, together BLOB);
"""
COLLATED = {"prompt": "prompt COLLATE NOCASE", "pair": "pair COLLATE NOCASE"}
# Each order has an index that also knows what is filtered by most: a page is found without a look at other entries.
INDEXES = "\n".join(
    [
        "CREATE INDEX files_folder ON files (folder);",
        "CREATE INDEX files_run ON files (run);",
        "CREATE INDEX files_revision ON files (revision);",
        "CREATE INDEX files_broken ON files (path) WHERE problem != '';",
        "CREATE INDEX labels_entry ON labels (entry);",
        *(f"CREATE INDEX entries_{name} ON entries ({COLLATED.get(name, name)}, id, model, mode);" for name in SORTS),
    ]
)
APPLICATION = 0x44504944
STAMP = zlib.crc32(f"{VERSION} {hdf5.FORMAT_VERSION} {TABLES} {INDEXES}".encode()) >> 1
MARK = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {STAMP};"


def place(root: Path) -> Path | None:
    """Return the place of the catalogue of `root`: in it, or in the cache; None if neither can be written."""
    path = root / NAME
    free = not path.exists() or (path.is_file() and os.access(path, os.W_OK))
    if free and os.access(root, os.W_OK) and is_lockable(root.absolute()):
        return path
    folder = settings.load().cache / "catalogues"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    name = hashlib.sha256(str(root.absolute()).encode()).hexdigest()
    return folder / f"{name}.sqlite" if os.access(folder, os.W_OK) and is_lockable(folder) else None


def connect(path: Path) -> sqlite3.Connection | None:
    """Return the open catalogue in `path`, or None if there is none of this version."""
    try:
        address = f"{path.absolute().as_uri()}?mode=rw"
        database = sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None)
    except sqlite3.OperationalError:
        if path.exists():
            raise
        return None
    try:
        marks = [database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    except sqlite3.DatabaseError as error:
        database.close()
        if damaged(error):
            return None
        raise
    if marks == [APPLICATION, STAMP]:
        return database
    database.close()
    return None


def in_memory() -> sqlite3.Connection:
    """Return an empty catalogue that ends with its connection."""
    database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    database.executescript(TABLES + INDEXES)
    return database


def damaged(error: sqlite3.Error) -> bool:
    """Return whether `error` says that a file is no sound database."""
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def replaced(error: sqlite3.Error) -> bool:
    """Return whether `error` says that another file took the place of the open one."""
    return error.sqlite_errorcode == sqlite3.SQLITE_READONLY_DBMOVED
