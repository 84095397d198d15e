"""Questions to the catalogue, as SQL.

Entries are walked in the order of an index that also holds what most filters ask for, so that the cost of a page is at
most one pass over that index, whatever the filter and wherever the entries that it means lie.
"""

import json
import math
import sqlite3
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

from store.catalogue import schema
from store.catalogue.entry import Entry, Filter, Summary
from store.errors import InputError
from store.records import Label, RunKey

FILE = f"entries.id >> {schema.PLACES}"
CHUNK = 500  # entries that are read at once
RECENT = 20  # times as many entries as values are looked at before all are
WORDS = 32  # of a text; more would narrow nothing
JOINED = {  # what can be listed by its values -> where it stands
    "model": ("models.name", "JOIN models ON models.id = entries.model"),
    "prompt": ("entries.prompt", ""),
    "pair": ("entries.pair", ""),
    "run": ("own.run", f"JOIN files AS own ON own.id = {FILE}"),
    "mode": ("entries.mode", ""),
    **{name: (f"labels.{name}", "JOIN labels ON labels.entry = entries.id") for name in schema.LABEL},
}
Place = tuple[str, int]  # of an entry among all, by age: when it was created, and its number


def page(
    database: sqlite3.Connection, root: Path, wanted: Filter, sort: str, descending: bool, limit: int, offset: int
) -> list[Entry]:
    """See `Catalogue.page`."""
    if sort not in schema.SORTS:
        raise InputError(f"sort {sort!r}", "entries have no such order", f"use one of {', '.join(schema.SORTS)}")
    where, values = _where(wanted, root)
    direction = "DESC" if descending else "ASC"
    order = f"ORDER BY entries.{schema.COLLATED.get(sort, sort)} {direction} NULLS LAST, entries.id {direction}"
    query = f"SELECT entries.id FROM {_source(wanted, sort)} WHERE {where} {order} LIMIT ? OFFSET ?"
    numbers = [row[0] for row in database.execute(query, (*values, limit, offset))]
    found = _entries(database, root, numbers)
    return [found[number] for number in numbers]


def chunk(database: sqlite3.Connection, root: Path, wanted: Filter, after: Place | None) -> dict[Place, Entry]:
    """The next entries, newest first, after the one at the place `after`."""
    where, values = _where(wanted, root)
    if after is not None:
        where, values = f"{where} AND (entries.created, entries.id) < (?, ?)", (*values, *after)
    query = (
        f"SELECT entries.created, entries.id FROM {_source(wanted, 'created')} WHERE {where} "
        "ORDER BY entries.created DESC, entries.id DESC LIMIT ?"
    )
    places = [tuple(row) for row in database.execute(query, (*values, CHUNK))]
    found = _entries(database, root, [number for _, number in places])
    return {place: found[place[1]] for place in places}


def sampled(database: sqlite3.Connection, numbers: Iterable[int]) -> dict[int, tuple[str, bytes, bytes]]:
    """Names, seeds and samples of those entries that have any, by number."""
    query = "SELECT * FROM samples WHERE entry IN (SELECT value FROM json_each(?))"
    return {row[0]: tuple(row[1:]) for row in database.execute(query, (json.dumps(list(numbers)),))}


def count(database: sqlite3.Connection, root: Path, wanted: Filter) -> int:
    """How many entries `wanted` means."""
    if wanted == Filter():
        return database.execute("SELECT count(*) FROM entries").fetchone()[0]
    where, values = _where(wanted, root)
    return database.execute(f"SELECT count(*) FROM {_source(wanted)} WHERE {where}", values).fetchone()[0]


def summary(database: sqlite3.Connection, root: Path, wanted: Filter) -> Summary:
    """How much `wanted` means: an image counts once, however many pairs were measured of it."""
    where, values = _where(wanted, root)
    files = (
        "SELECT min(entries.prompt) AS prompt, min(entries.model) AS model, count(DISTINCT entries.pair) AS pairs, "
        f"max(entries.seeds) AS images FROM {_source(wanted, '')} WHERE {where} GROUP BY {FILE}"
    )
    query = f"SELECT count(DISTINCT prompt), total(pairs), total(images), count(DISTINCT model) FROM ({files})"
    return Summary(*map(int, database.execute(query, values).fetchone()))


def values(database: sqlite3.Connection, root: Path, column: str, wanted: Filter, limit: int) -> list[str]:
    """See `Catalogue.values`."""
    if column not in JOINED:
        raise InputError(f"column {column!r}", "its values are not listed", f"use one of {', '.join(JOINED)}")
    value, join = JOINED[column]
    where, given = _where(wanted, root)
    if column in schema.LABEL:
        meant, more = _labelled(wanted)
        where, given = " AND ".join([where, *meant]), (*given, *more)
    query = f"SELECT {value}, {{}} FROM {_source(wanted)} {join} WHERE {where}"
    newest = f"{query.format('0')} ORDER BY entries.created DESC, entries.id DESC LIMIT ?"
    rows = [row[0] for row in database.execute(newest, (*given, RECENT * limit))]
    found = list(dict.fromkeys(rows))
    if len(found) < limit and len(rows) == RECENT * limit:
        every = f"{query.format('max(entries.created)')} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?"
        found = [row[0] for row in database.execute(every, (*given, limit))]
    return found[:limit]


def broken(database: sqlite3.Connection, root: Path) -> list[tuple[Path, str]]:
    """Files that cannot be used, each with the reason and the mend."""
    rows = database.execute("SELECT path, problem FROM files WHERE problem != '' ORDER BY path")
    return [(root / path, problem) for path, problem in rows]


def labels_meant(labels: Iterable[Label], wanted: Filter) -> list[Label]:
    """Those of the labels of an entry that `wanted` asks for."""
    asked = [(name, getattr(wanted, name)) for name in schema.LABEL if getattr(wanted, name)]
    return [label for label in labels if all(getattr(label, name) == value for name, value in asked)]


def _source(wanted: Filter, sort: str = "created") -> str:
    """Where to look for entries: in the few files or the prompt that are named, else along the index of an order.

    Without an order that is the table itself, by file: quickest where most entries are wanted with all that they say.
    """
    if wanted.run or wanted.path:
        first = f"files.id << {schema.PLACES}"
        last = f"({first}) + {(1 << schema.PLACES) - 1}"
        return f"files CROSS JOIN entries NOT INDEXED ON entries.id BETWEEN {first} AND {last}"
    index = "prompt" if wanted.prompt else sort
    return f"entries INDEXED BY entries_{index}" if index else "entries NOT INDEXED"


def _where(wanted: Filter, root: Path) -> tuple[str, tuple]:
    """The condition that `wanted` puts to what `_source` gives, and the values in it."""
    clean = {
        field.name: value.encode(errors="replace").decode()
        for field in fields(wanted)
        if isinstance(value := getattr(wanted, field.name), str)
    }
    conditions: list[tuple[str, tuple]] = [("1", ())]
    if clean["model"]:
        conditions.append(("entries.model = (SELECT id FROM models WHERE name = ?)", (clean["model"],)))
    for name in ("prompt", "pair"):
        if clean[name]:  # the first half is what an index knows
            both = f"entries.{name} = ? COLLATE NOCASE AND entries.{name} = ?"
            conditions.append((both, (clean[name],) * 2))
    if clean["mode"]:
        conditions.append(("entries.mode = ?", (clean["mode"],)))
    if clean["run"]:
        conditions.append(("files.run = ?", (clean["run"],)))
    if wanted.path:
        inside = wanted.path.is_relative_to(root)
        conditions.append(("files.path = ?", (wanted.path.relative_to(root).as_posix() if inside else "",)))
    if pieces := clean["text"].replace("\0", " ").split():
        text = " ".join('"' + piece.replace('"', '""') + '"*' for piece in pieces[:WORDS])
        conditions.append((f"{FILE} IN (SELECT rowid FROM words WHERE words MATCH ?)", (text,)))
    meant, asked = _labelled(wanted)
    if meant:
        conditions.append((f"entries.id IN (SELECT entry FROM labels WHERE {' AND '.join(meant)})", asked))
    return " AND ".join(text for text, _ in conditions), tuple(value for _, given in conditions for value in given)


def _labelled(wanted: Filter) -> tuple[list[str], tuple]:
    """The conditions that `wanted` puts to a label, and their values."""
    asked = {name: getattr(wanted, name) for name in schema.LABEL if getattr(wanted, name)}
    given = tuple(value.encode(errors="replace").decode() for value in asked.values())
    return [f"labels.{name} = ?" for name in asked], given


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
        key=RunKey(row["name"], row["revision"], row["prompt"], row["guidance"], row["image"]),
        created=row["created"],
        totals={name: (_number(row[name]), _number(row[f"{name}_se"])) for name in schema.QUANTITIES},
        labels=tuple(labels),
        **{name: row[name] for name in schema.ABOUT},
    )


def _number(value: float | None) -> float:
    """What was stored: SQLite keeps NaN as NULL."""
    return math.nan if value is None else value
