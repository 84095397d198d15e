"""The tables of the queue, and what comes out of their rows: whatever a row holds, it can be shown."""

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from store.errors import InputError
from store.files.database import tables_of
from store.jobs.record import LOST, Failure, Job, Pace, Progress, WorkerStatus
from store.jobs.specification import UNREADABLE, JobSpec
from store.jobs.states import State

NAME, VERSION = "jobs.sqlite", 1
PROGRESS = tuple(field.name for field in fields(Progress))
NAMES = ("number", "wanted", "author", "priority", "state", "reason", "created", "began", "ended", "worker", *PROGRESS)
COLUMNS = ", ".join(NAMES)
GONE = f"""state IN ('running', 'cancelling') AND worker NOT IN (SELECT name FROM workers WHERE name IS NOT NULL
    AND typeof(beat) IN ('real', 'integer') AND abs(beat - (julianday('now') - 2440587.5) * 86400) < {LOST})"""
CURRENT = f"""(SELECT {COLUMNS.replace("state", "shown AS state")} FROM (
    SELECT *, CASE WHEN NOT ({GONE}) THEN state WHEN state = 'running' THEN 'queued' ELSE 'cancelled' END AS shown
    FROM jobs))"""  # jobs of dead workers stand where the next change will put them
SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, wanted TEXT NOT NULL, author TEXT NOT NULL, priority INTEGER NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', created TEXT NOT NULL, began TEXT NOT NULL DEFAULT '',
    ended TEXT NOT NULL DEFAULT '', worker TEXT NOT NULL DEFAULT '', picture BLOB,
    {", ".join(f"{name} NOT NULL DEFAULT 0" for name in PROGRESS)}
);
CREATE INDEX IF NOT EXISTS jobs_state ON jobs (state);
CREATE TABLE IF NOT EXISTS failures (job INTEGER, prompt TEXT, seed INTEGER, reason TEXT);
CREATE INDEX IF NOT EXISTS failures_job ON failures (job);
CREATE TABLE IF NOT EXISTS log (job INTEGER, written TEXT, text TEXT);
CREATE INDEX IF NOT EXISTS log_job ON log (job);
CREATE TABLE IF NOT EXISTS workers (name TEXT PRIMARY KEY, place TEXT, slots INTEGER, beat REAL);
CREATE TABLE IF NOT EXISTS pace (model TEXT PRIMARY KEY, evaluations REAL, seconds REAL, bytes REAL, results REAL);
PRAGMA user_version = {VERSION};
COMMIT;
"""
TABLES = {"jobs", "failures", "log", "workers", "pace"}


def fault_of(database: sqlite3.Connection) -> str:
    """Return why `database` cannot be used as a queue; empty if it can, or if it is empty."""
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        return f"it is in version {version}, of later software"
    there = {name for name in tables_of(database) if not name.startswith("sqlite_")}
    ours = there >= TABLES if version == VERSION else there <= TABLES
    return "" if ours else "it is a database of something else"


def job_of(row: Sequence) -> Job:
    """Return the job in a row of COLUMNS. An entry that cannot be read is a failed job whose reason says so."""
    values = dict(zip(NAMES, row, strict=True))
    reason = _text(values["reason"])
    try:
        wanted, state = JobSpec.parse(values["wanted"]), State(values["state"])
    except (InputError, ValueError) as error:
        wanted, state, reason = UNREADABLE, State.FAILED, f"its entry in the queue cannot be read: {error}"
    return Job(
        number=values["number"],
        wanted=wanted,
        author=_text(values["author"]),
        priority=int(_number(values["priority"])),
        state=state,
        reason=reason,
        created=_time(values["created"]),
        began="" if state == State.QUEUED else _time(values["began"]),  # it waits again, as its worker died
        ended=_time(values["ended"]),
        worker=_text(values["worker"]),
        progress=Progress(
            units=int(_number(values["units"])),
            done=int(_number(values["done"])),
            failed=int(_number(values["failed"])),
            fresh=int(_number(values["fresh"])),
            partial=_number(values["partial"]),
            evaluations=int(_number(values["evaluations"])),
        ),
    )


def failure_of(row: Sequence) -> Failure:
    """Return the failure in a row of prompt, seed and reason."""
    prompt, seed, reason = row
    return Failure(_text(prompt), seed if isinstance(seed, int) else None, _text(reason))


def worker_of(row: Sequence) -> WorkerStatus:
    """Return the worker in a row of name, place, slots and beat."""
    name, place, slots, beat = row
    return WorkerStatus(name=_text(name), place=_text(place), slots=max(0, int(_number(slots))), beat=_number(beat))


def pace_of(row: Sequence) -> Pace | None:
    """Return the pace in a row of evaluations a second and bytes a result; None if it is none."""
    rate, size = map(_number, row)
    return Pace(rate, size) if rate > 0 and size >= 0 else None


def line_of(row: Sequence) -> tuple[str, str]:
    """Return when a line of a log was written, and its text."""
    written, text = row
    return _time(written), _text(text)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float:
    return value if isinstance(value, int | float) and math.isfinite(value) else 0


def _time(value: object) -> str:
    """`value` if it is a moment in ISO 8601 with its time zone, else an empty text."""
    try:
        return _text(value) if datetime.fromisoformat(_text(value)).tzinfo else ""
    except ValueError:
        return ""
