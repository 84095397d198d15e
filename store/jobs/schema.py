"""The tables of the queue, and a job as it comes out of a row."""

from collections.abc import Sequence
from dataclasses import fields

from store.jobs.record import LOST, Job, Progress
from store.jobs.specification import JobSpec
from store.jobs.states import State

NAME, VERSION = "jobs.sqlite", 1
PROGRESS = tuple(field.name for field in fields(Progress))
COLUMNS = ", ".join(
    ("number", "wanted", "author", "priority", "state", "reason", "created", "began", "ended", "worker", *PROGRESS)
)
GONE = f"""state IN ('running', 'cancelling') AND worker NOT IN
    (SELECT name FROM workers WHERE beat > (julianday('now') - 2440587.5) * 86400 - {LOST})"""
SCHEMA = f"""
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
CREATE VIEW IF NOT EXISTS lost AS SELECT number, state FROM jobs WHERE {GONE};
CREATE VIEW IF NOT EXISTS current AS SELECT {COLUMNS.replace("state", "shown AS state")} FROM (
    SELECT *, CASE WHEN NOT ({GONE}) THEN state WHEN state = 'running' THEN 'queued' ELSE 'cancelled' END AS shown
    FROM jobs);
PRAGMA user_version = {VERSION};
"""


def job_of(row: Sequence) -> Job:
    """The job in a row of COLUMNS."""
    number, wanted, author, priority, state, reason, created, began, ended, worker, *progress = row
    return Job(
        number=number,
        wanted=JobSpec.parse(wanted),
        author=author,
        priority=priority,
        state=State(state),
        reason=reason,
        created=created,
        began=began,
        ended=ended,
        worker=worker,
        progress=Progress(*progress),
    )
