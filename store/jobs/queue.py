"""The queue of a store: `jobs.sqlite`, written by dashboards, commands and workers at once.

Its write-ahead log keeps readers from waiting; so all who use the file run on the machine that holds it. Every change
of a state is one transaction that looks at the state first.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import astuple, replace
from datetime import UTC, datetime
from pathlib import Path

from store.errors import InputError, StoreError
from store.files.database import Database
from store.jobs.record import Failure, Job, Pace, Progress, WorkerStatus
from store.jobs.schema import COLUMNS, NAME, PROGRESS, SCHEMA, VERSION, job_of
from store.jobs.specification import JobSpec
from store.jobs.states import ACTIVE, NEXT, State

MEND = "try again, update the software, or check that it is the queue of the store"
SOON, LATER = 1, 0  # priorities: somebody waits for it, or nobody does
LOGGED = 200  # lines of a job
FADING = 0.9  # what older units count, at each new one, in the pace of a model


class Queue:
    """The jobs of the store in folder `root`; every method raises StoreError where the file cannot be used."""

    def __init__(self, root: Path):
        self.root, self.path = root, root / NAME
        self._file = Database(self.path, self._prepare, MEND)

    def submit(self, wanted: JobSpec, author: str, priority: int = LATER, picture: bytes | None = None) -> int:
        """Put a job into the queue, with the image that it is about if there is one; its number."""
        with self._file.changing() as database:
            number = database.execute(
                "INSERT INTO jobs (wanted, author, priority, state, created, picture) VALUES (?, ?, ?, ?, ?, ?)",
                (wanted.as_json(), author, priority, State.QUEUED, _now(), picture),
            ).lastrowid
            assert number is not None
            _log(database, number, f"queued by {author}")
            return number

    def cancel(self, number: int) -> None:
        """Stop a job: at once if it waits, within moments if it runs. What is finished stays in the store.

        Raises
        ------
        InputError: there is no such job, or it has ended.
        """
        with self._file.changing() as database:
            _recover(database)
            state = _state(database, number)
            if state != State.CANCELLING:
                _move(database, number, State.CANCELLED if state == State.QUEUED else State.CANCELLING)

    def retry(self, number: int) -> None:
        """Queue a job that failed or was cancelled once more: what of it is in the store is not measured again.

        Raises
        ------
        InputError: there is no such job, or it is waiting, running or done.
        """
        with self._file.changing() as database:
            if _state(database, number) in ACTIVE:
                raise InputError(f"job {number}", "it has not ended", "wait, or cancel it first")
            _move(database, number, State.QUEUED, "asked for again")
            database.execute("DELETE FROM failures WHERE job = ?", (number,))

    def jobs(self, states: Sequence[State] = tuple(State), limit: int = 100) -> list[Job]:
        """Jobs in one of `states`: those that run, then those that wait in the order of their turn, then the newest."""
        query = f"""SELECT {COLUMNS} FROM current WHERE state IN ({", ".join("?" * len(states))})
            ORDER BY state NOT IN ('running', 'cancelling'), state != 'queued',
            iif(state = 'queued', -priority, 0), iif(state = 'queued', number, -number) LIMIT ?"""
        return [job_of(row) for row in self._file.rows(query, (*states, limit))]

    def job(self, number: int) -> Job:
        """One job; raises InputError if there is none of that number."""
        for row in self._file.rows(f"SELECT {COLUMNS} FROM current WHERE number = ?", (number,)):
            return job_of(row)
        raise _unknown(number)

    def picture(self, number: int) -> bytes | None:
        """The image file that a job is about, if somebody brought one."""
        return next((row[0] for row in self._file.rows("SELECT picture FROM jobs WHERE number = ?", (number,))), None)

    def failures(self, number: int, limit: int = 1000) -> list[Failure]:
        """What of a job could not be measured."""
        query = "SELECT prompt, seed, reason FROM failures WHERE job = ? ORDER BY rowid LIMIT ?"
        return [Failure(*row) for row in self._file.rows(query, (number, limit))]

    def log(self, number: int) -> list[tuple[str, str]]:
        """What happened to a job: times (UTC, ISO 8601) and texts, oldest first, the last `LOGGED` of them."""
        return self._file.rows("SELECT written, text FROM log WHERE job = ? ORDER BY rowid", (number,))

    def workers(self) -> list[WorkerStatus]:
        """The workers that are alive."""
        rows = self._file.rows("SELECT name, place, slots, beat FROM workers ORDER BY name", ())
        return [worker for row in rows if (worker := WorkerStatus(*row)).alive]

    def pace(self, model: str) -> Pace | None:
        """What units of `model` cost lately, if any were measured."""
        query = "SELECT evaluations / seconds, bytes / results FROM pace WHERE model = ?"
        return next((Pace(*row) for row in self._file.rows(query, (model,))), None)

    def beat(self, worker: WorkerStatus) -> None:
        """Say that `worker` is alive."""
        with self._file.changing() as database:
            database.execute("INSERT OR REPLACE INTO workers VALUES (?, ?, ?, ?)", astuple(worker))

    def take(self, worker: str, above: int | None = None) -> Job | None:
        """Give `worker` the job whose turn it is, if there is one, of a priority higher than `above`.

        Jobs of workers that died are back in the queue.
        """
        least = -(2**31) if above is None else above
        with self._file.changing() as database:
            _recover(database)
            row = database.execute(
                f"SELECT {COLUMNS} FROM jobs WHERE state = ? AND priority > ? ORDER BY priority DESC, number LIMIT 1",
                (State.QUEUED, least),
            ).fetchone()
            if row is None:
                return None
            job = job_of(row)
            _move(database, job.number, State.RUNNING, f"taken by {worker}", worker)
            return replace(job, state=State.RUNNING, worker=worker, began=_now(), progress=Progress())

    def report(self, job: Job, progress: Progress) -> State | None:
        """Write down how far `job` is; its state, None if it is no longer its worker's."""
        setting = ", ".join(f"{name} = ?" for name in PROGRESS)
        with self._file.changing() as database:
            found = database.execute(
                f"UPDATE jobs SET {setting} WHERE number = ? AND worker = ? RETURNING state",
                (*astuple(progress), job.number, job.worker),
            ).fetchone()
            return State(found[0]) if found else None

    def fail(self, job: Job, failure: Failure) -> None:
        """Write down what of `job` could not be measured."""
        with self._file.changing() as database:
            database.execute("INSERT INTO failures VALUES (?, ?, ?, ?)", (job.number, *astuple(failure)))
            seed = "" if failure.seed is None else f", seed {failure.seed}"
            _log(database, job.number, f"{failure.prompt!r}{seed}: {failure.reason}")

    def note(self, job: Job, text: str) -> None:
        """Add a line to the log of `job`."""
        with self._file.changing() as database:
            _log(database, job.number, text)

    def keep_pace(self, model: str, evaluations: int, seconds: float, size: int, results: int) -> None:
        """Remember what a unit of `model` cost: bytes of so many results of one pair and image."""
        with self._file.changing() as database:
            database.execute(
                """INSERT INTO pace VALUES (?, ?, ?, ?, ?) ON CONFLICT (model) DO UPDATE SET
                evaluations = ? * evaluations + excluded.evaluations, seconds = ? * seconds + excluded.seconds,
                bytes = ? * bytes + excluded.bytes, results = ? * results + excluded.results""",
                (model, evaluations, seconds, size, results, *(FADING,) * 4),
            )

    def finish(self, job: Job, reason: str = "") -> None:
        """End `job`: cancelled if that was asked for, failed if there is a `reason`, else done. Not if it was lost."""
        with self._file.changing() as database:
            if not _belongs(database, job):
                return
            if _state(database, job.number) == State.CANCELLING:
                _move(database, job.number, State.CANCELLED)
            else:
                _move(database, job.number, State.FAILED if reason else State.DONE, reason)

    def release(self, worker: str) -> None:
        """Let `worker` end: what it was running goes back into the queue."""
        with self._file.changing() as database:
            database.execute("DELETE FROM workers WHERE name = ?", (worker,))
            _recover(database)

    def _prepare(self, database: sqlite3.Connection) -> None:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise StoreError(self.path, f"it is in version {version}, of later software", MEND)
        if version < VERSION:
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(SCHEMA)


def _state(database: sqlite3.Connection, number: int) -> State:
    found = database.execute("SELECT state FROM jobs WHERE number = ?", (number,)).fetchone()
    if found is None:
        raise _unknown(number)
    return State(found[0])


def _move(database: sqlite3.Connection, number: int, to: State, why: str = "", worker: str = "") -> None:
    """Change a state, if that may be; a new attempt starts counting anew."""
    before = _state(database, number)
    if to not in NEXT[before]:
        raise InputError(f"job {number}", f"it is {before} and cannot become {to}", "see `python -m compute jobs`")
    if to in (State.QUEUED, State.RUNNING):
        began = _now() if to == State.RUNNING else ""
        reset = "".join(f", {name} = 0" for name in PROGRESS)
        database.execute(
            f"UPDATE jobs SET state = ?, worker = ?, began = ?, ended = '', reason = ''{reset} WHERE number = ?",
            (to, worker, began, number),
        )
    elif to == State.CANCELLING:
        database.execute("UPDATE jobs SET state = ? WHERE number = ?", (to, number))
    else:
        reason = why if to == State.FAILED else ""
        database.execute(
            "UPDATE jobs SET state = ?, reason = ?, ended = ?, partial = 0 WHERE number = ?",
            (to, reason, _now(), number),
        )
    _log(database, number, f"{to}: {why}" if why else str(to))


def _recover(database: sqlite3.Connection) -> None:
    """Take from workers that are gone what they were running."""
    for number, state in database.execute("SELECT number, state FROM lost").fetchall():
        to = State.QUEUED if state == State.RUNNING else State.CANCELLED
        _move(database, number, to, "its worker ended")


def _belongs(database: sqlite3.Connection, job: Job) -> bool:
    found = database.execute("SELECT worker FROM jobs WHERE number = ?", (job.number,)).fetchone()
    return found is not None and found[0] == job.worker


def _log(database: sqlite3.Connection, number: int, text: str) -> None:
    database.execute("INSERT INTO log VALUES (?, ?, ?)", (number, _now(), text))
    database.execute(
        "DELETE FROM log WHERE job = ? AND rowid <= (SELECT rowid FROM log WHERE job = ? "
        "ORDER BY rowid DESC LIMIT 1 OFFSET ?)",
        (number, number, LOGGED),
    )


def _unknown(number: int) -> InputError:
    return InputError(f"job {number}", "there is none", "see `python -m compute jobs`")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
