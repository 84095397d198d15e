"""Questions to the catalogue, as SQL.

If all entries that a filter means lie in few files, only those files are searched. Otherwise entries are walked in the
order of an index that also holds what most filters ask for: a page costs at most one pass over that index.
"""

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from store.catalogue import schema
from store.catalogue.entry import Entry, Filter, Summary
from store.errors import InputError
from store.records import Label, RunKey

FILE = f"entries.id >> {schema.PLACES}"
CHUNK = 1000  # entries that are read at once
RECENT = 20  # times as many entries as values are looked at before all are
FEW = 2000  # files
WORDS = 32  # of a text; more would narrow nothing
JOINED = {  # what can be listed by its values -> where it stands
    "model": ("models.name", "JOIN models ON models.id = entries.model"),
    "prompt": ("entries.prompt", ""),
    "pair": ("entries.pair", ""),
    **{name: (f"own.{name}", f"JOIN files AS own ON own.id = {FILE}") for name in ("run", "revision")},
    "mode": ("entries.mode", ""),
    **{name: (f"labels.{name}", "JOIN labels ON labels.entry = entries.id") for name in schema.LABEL},
}
Place = tuple[str, int]  # of an entry among all, by age: when it was created, and its number


def page(
    database: sqlite3.Connection, root: Path, wanted: Filter, sort: str, descending: bool, limit: int, offset: int
) -> list[Entry]:
    """Return a page of entries; see `Catalogue.page`."""
    if sort not in schema.SORTS:
        raise InputError(f"sort {sort!r}", "entries have no such order", f"use one of {', '.join(schema.SORTS)}")
    source, where, values = _among(database, root, wanted, sort)
    direction = "DESC" if descending else "ASC"
    order = f"ORDER BY entries.{schema.COLLATED.get(sort, sort)} {direction} NULLS LAST, entries.id {direction}"
    query = f"SELECT entries.id FROM {source} WHERE {where} {order} LIMIT ? OFFSET ?"
    numbers = [row[0] for row in database.execute(query, (*values, limit, offset))]
    found = _entries(database, root, numbers)
    return [found[number] for number in numbers]


def chunk(database: sqlite3.Connection, root: Path, wanted: Filter, after: Place | None) -> dict[Place, Entry]:
    """Return the next entries by place, newest first, after the entry at the place `after`."""
    source, where, values = _among(database, root, wanted)
    if after is not None:
        where, values = f"{where} AND (entries.created, entries.id) < (?, ?)", (*values, *after)
    query = (
        f"SELECT entries.created, entries.id FROM {source} WHERE {where} "
        "ORDER BY entries.created DESC, entries.id DESC LIMIT ?"
    )
    places = [tuple(row) for row in database.execute(query, (*values, CHUNK))]
    found = _entries(database, root, [number for _, number in places])
    return {place: found[place[1]] for place in places}


def sampled(database: sqlite3.Connection, numbers: Iterable[int]) -> dict[int, tuple[str, bytes, bytes, bytes]]:
    """Return names, seeds, samples and totals of all images together, packed, by number of the entry."""
    query = "SELECT * FROM samples WHERE entry IN (SELECT value FROM json_each(?))"
    return {row[0]: tuple(row[1:]) for row in database.execute(query, (json.dumps(list(numbers)),))}


def seeds(database: sqlite3.Connection, numbers: Iterable[int]) -> dict[int, bytes]:
    """Return the seeds of the images of entries, packed, by number of the entry."""
    query = "SELECT entry, seeds FROM samples WHERE entry IN (SELECT value FROM json_each(?))"
    return {row[0]: row[1] for row in database.execute(query, (json.dumps(list(numbers)),))}


def count(database: sqlite3.Connection, root: Path, wanted: Filter) -> int:
    """Return how many entries `wanted` means."""
    if wanted == Filter():
        return database.execute("SELECT count(*) FROM entries").fetchone()[0]
    source, where, values = _among(database, root, wanted)
    return database.execute(f"SELECT count(*) FROM {source} WHERE {where}", values).fetchone()[0]


def summary(database: sqlite3.Connection, root: Path, wanted: Filter) -> Summary:
    """Return how much `wanted` means; an image counts once, however many of its pairs were measured."""
    source, where, values = _among(database, root, wanted, sort="")
    files = (
        "SELECT min(entries.prompt) AS prompt, min(entries.model) AS model, count(DISTINCT entries.pair) AS pairs, "
        f"max(entries.seeds) AS images FROM {source} WHERE {where} GROUP BY {FILE}"
    )
    query = f"SELECT count(DISTINCT prompt), total(pairs), total(images), count(DISTINCT model) FROM ({files})"
    return Summary(*map(int, database.execute(query, values).fetchone()))


def values(database: sqlite3.Connection, root: Path, column: str, wanted: Filter, limit: int) -> list[str]:
    """Return the values of a column; see `Catalogue.values`."""
    if column not in JOINED:
        raise InputError(f"column {column!r}", "its values are not listed", f"use one of {', '.join(JOINED)}")
    value, join = JOINED[column]
    source, where, given = _among(database, root, wanted)
    if column in schema.LABEL:
        meant = _labelled(wanted)
        where, given = " AND ".join([where, *meant]), (*given, *meant.values())
    query = f"SELECT {value}, {{}} FROM {source} {join} WHERE {where}"
    newest = f"{query.format('0')} ORDER BY entries.created DESC, entries.id DESC LIMIT ?"
    rows = [row[0] for row in database.execute(newest, (*given, RECENT * limit))]
    found = list(dict.fromkeys(rows))
    if len(found) < limit and len(rows) == RECENT * limit:
        every = f"{query.format('max(entries.created)')} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?"
        found = [row[0] for row in database.execute(every, (*given, limit))]
    return found[:limit]


def broken(database: sqlite3.Connection, root: Path) -> list[tuple[Path, str]]:
    """Return the files with problems, each with its problems and their mends."""
    rows = database.execute("SELECT path, problem FROM files WHERE problem != '' ORDER BY path")
    return [(root / path, problem) for path, problem in rows]


def labels_meant(labels: Iterable[Label], wanted: Filter) -> list[Label]:
    """Return those labels of an entry that `wanted` asks for."""
    asked = [(name, getattr(wanted, name)) for name in schema.LABEL if getattr(wanted, name)]
    return [label for label in labels if all(getattr(label, name) == value for name, value in asked)]


class _Part(NamedTuple):
    """One condition of a filter, written in three ways; `given` are the values in each of them."""

    files: str  # query for the files that may have such an entry
    inside: str  # condition on an entry of such a file; empty if all its entries fulfil it
    anywhere: str  # condition on any entry, for a walk along an index
    given: tuple


def _among(database: sqlite3.Connection, root: Path, wanted: Filter, sort: str = "created") -> tuple[str, str, tuple]:
    """Return where to look for the entries that `wanted` means, the condition on them, and the values in both.

    Without a `sort` the table itself is read, by file: quickest where most entries are wanted with all columns.
    """
    parts = list(_parts(wanted, root))
    few = _few(database, parts)
    conditions, values = ["1"], []
    if few is not None:
        source = f"json_each(?) AS few CROSS JOIN entries NOT INDEXED ON entries.id BETWEEN {_range('few.value')}"
        values.append(json.dumps(few))
        parts = [part for part in parts if part.inside]
    else:
        source = f"entries INDEXED BY entries_{sort}" if sort else "entries NOT INDEXED"
    for part in parts:
        conditions.append(part.anywhere if few is None else part.inside)
        values += part.given
    if wanted.model:
        conditions.append("entries.model = (SELECT id FROM models WHERE name = ?)")
        values.append(_clean(wanted.model))
    if wanted.mode:
        conditions.append("entries.mode = ?")
        values.append(_clean(wanted.mode))
    return source, " AND ".join(conditions), tuple(values)


def _few(database: sqlite3.Connection, parts: list[_Part]) -> list[int] | None:
    """Return the files that may have entries for all of `parts`, if they are few; None without any part."""
    if not parts:
        return None
    where = " AND ".join(["1", *(f"file IN ({part.files})" for part in parts[1:])])
    values = *(value for part in parts for value in part.given), FEW + 1
    query = f"SELECT DISTINCT file FROM ({parts[0].files}) WHERE {where} LIMIT ?"
    found = [row[0] for row in database.execute(query, values)]
    return found if len(found) <= FEW else None


def _parts(wanted: Filter, root: Path) -> Iterator[_Part]:
    """Yield the conditions of `wanted` apart from model and mode, which every index holds."""
    for name in ("run", "revision"):
        if value := getattr(wanted, name):
            yield _of_files(f"SELECT id AS file FROM files WHERE {name} = ?", _clean(value))
    if wanted.path:
        path = wanted.path.relative_to(root).as_posix() if wanted.path.is_relative_to(root) else ""
        yield _of_files("SELECT id AS file FROM files WHERE path = ?", path)
    if wanted.prompt:  # the first half is what an index knows
        exactly = "prompt = ? COLLATE NOCASE AND prompt = ?"
        yield _of_files(f"SELECT {FILE} AS file FROM entries WHERE {exactly}", *[_clean(wanted.prompt)] * 2)
    if meant := _labelled(wanted):
        labels = f"FROM labels WHERE {' AND '.join(meant)}"
        yield _Part(
            f"SELECT entry >> {schema.PLACES} AS file {labels}",
            f"EXISTS (SELECT 1 {labels} AND entry = entries.id)",
            f"entries.id IN (SELECT entry {labels})",
            tuple(meant.values()),
        )
    if wanted.pair:
        exactly = "pair = ? COLLATE NOCASE AND pair = ?"
        yield _Part(
            f"SELECT {FILE} AS file FROM entries WHERE {exactly}",
            f"entries.{exactly}",
            f"entries.id IN (SELECT id FROM entries WHERE {exactly})",
            (_clean(wanted.pair),) * 2,
        )
    if pieces := _clean(wanted.text).replace("\0", " ").split():
        text = " ".join('"' + piece.replace('"', '""') + '"*' for piece in pieces[:WORDS])
        yield _of_files("SELECT rowid AS file FROM words WHERE words MATCH ?", text)


def _of_files(query: str, *given: str) -> _Part:
    """Return a condition that all entries of a file fulfil, or none."""
    return _Part(query, "", f"{FILE} IN ({query})", given)


def _labelled(wanted: Filter) -> dict[str, str]:
    """Return the conditions that `wanted` puts to a label, with their values."""
    return {f"labels.{name} = ?": _clean(value) for name in schema.LABEL if (value := getattr(wanted, name))}


def _range(file: str) -> str:
    """Return the range of the numbers of a file's entries, as SQL."""
    return f"({file} << {schema.PLACES}) AND ({file} << {schema.PLACES}) + {(1 << schema.PLACES) - 1}"


def _clean(text: str) -> str:
    """Return `text` with what is no character replaced: an address may hold anything."""
    return text.encode(errors="replace").decode()


def _entries(database: sqlite3.Connection, root: Path, numbers: list[int]) -> dict[int, Entry]:
    listed = "(SELECT value FROM json_each(?))"
    labels: dict[int, list[Label]] = {}
    asked = f"SELECT entry, study, attribute, subject FROM labels WHERE entry IN {listed} ORDER BY 1, 2, 3, 4"
    for number, *label in database.execute(asked, (json.dumps(numbers),)):
        labels.setdefault(number, []).append(Label(*label))
    rows = database.execute(
        "SELECT entries.*, models.name, files.path, files.revision, files.guidance, files.image FROM entries "
        f"JOIN models ON models.id = entries.model JOIN files ON files.id = {FILE} WHERE entries.id IN {listed}",
        (json.dumps(numbers),),
    )
    return {row["id"]: _entry(row, root, labels.get(row["id"], [])) for row in rows}


def _entry(row: sqlite3.Row, root: Path, labels: list[Label]) -> Entry:
    return Entry(
        path=root / row["path"],
        key=RunKey(
            model=row["name"],
            revision=row["revision"],
            prompt=row["prompt"],
            guidance=row["guidance"],
            image=row["image"],
        ),
        created=row["created"],
        totals={name: (_number(row[name]), _number(row[f"{name}_se"])) for name in schema.QUANTITIES},
        labels=tuple(labels),
        **{name: row[name] for name in schema.ABOUT},
    )


def _number(value: float | None) -> float:
    """Return the number that was stored: SQLite keeps NaN as NULL."""
    return math.nan if value is None else value
