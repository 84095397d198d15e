"""The queue of a store: `jobs.sqlite`, written by dashboards, commands and workers at once.

Its write-ahead log keeps readers from waiting; so all who use the file run on the machine that holds it. Every change
of a state is one transaction that looks at the state first.
"""

import shlex
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from store import settings
from store.errors import InputError, StoreError
from store.files.database import PATIENCE, Database
from store.jobs.picture import Picture
from store.jobs.record import Failure, Job, Pace, Progress, WorkerStatus
from store.jobs.schema import (
    COLUMNS,
    CURRENT,
    GONE,
    NAME,
    PROGRESS,
    SCHEMA,
    VERSION,
    failure_of,
    fault_of,
    job_of,
    line_of,
    pace_of,
    worker_of,
)
from store.jobs.specification import UNREADABLE, JobSpec
from store.jobs.states import ACTIVE, NEXT, State
from store.prompts import model_cards
from store.settings import PREFIX, Settings

MEND = "try again, update the software, or move it away if it is not the queue of the store"
SOON, LATER = 1, 0  # priorities: somebody waits for it, or nobody does
HIGHEST = 1_000_000  # priority; the lowest is less than nothing by as much
LOGGED = 200  # lines of a job
FADING = 0.9  # what older units count, at each new one, in the pace of a model
KEPT = timedelta(days=30)  # that a job which can be tried again keeps its picture


class Queue:
    """The jobs of the store in folder `root`; every method raises StoreError where the file cannot be used.

    Jobs that enter it keep to the settings `max_jobs` and `max_evaluations`, unless it is not `limited`. Nothing enters
    or is changed where the settings are `read_only`. It waits `patience` seconds for others who write.
    """

    def __init__(self, root: Path, limited: bool = True, patience: float = PATIENCE):
        self.root, self.path, self.limited = root, root / NAME, limited
        self._file = Database(path=self.path, prepare=self._prepare, mend=MEND, check=self._check, patience=patience)

    @property
    def worker_command(self) -> str:
        """What to type into a shell to start a worker for it."""
        return f"python -m compute worker --store {shlex.quote(str(self.root))}"

    def submit(self, wanted: JobSpec, author: str, priority: int = LATER, picture: bytes | None = None) -> int:
        """Put a job into the queue, with the image file that it is about if there is one; return its number.

        Raises
        ------
        InputError: the job cannot be done, or the settings do not allow it.
        """
        allowed = _changeable()
        if abs(priority) > HIGHEST:
            raise InputError("priority", f"not from -{HIGHEST:,} to {HIGHEST:,}", "take 1, or 0 for what can wait")
        brought = Picture(wanted.picture, picture) if picture is not None else None
        self._check_length(wanted, brought, allowed)
        with self._file.changing() as database:
            self._check_room(database, allowed)
            number = database.execute(
                "INSERT INTO jobs (wanted, author, priority, state, created, picture) VALUES (?, ?, ?, ?, ?, ?)",
                (wanted.as_json(), _text(author), priority, State.QUEUED, _now(), picture),
            ).lastrowid
            assert number is not None
            _log(database, number, f"queued by {author}")
            _forget_pictures(database)
            return number

    def cancel(self, number: int) -> None:
        """Stop a job: at once if it waits, within moments if it runs. What is finished stays in the store.

        Raises
        ------
        InputError: there is no such job, it has ended, or the settings do not allow it.
        """
        _changeable()
        self.job(number)  # raises if there is none, and makes no file
        with self._file.changing() as database:
            _recover(database)
            state = _state(database, number)
            if state != State.CANCELLING:
                _move(database, number, State.CANCELLED if state == State.QUEUED else State.CANCELLING)

    def retry(self, number: int) -> None:
        """Queue a job that failed or was cancelled once more: what of it is in the store is not measured again.

        Raises
        ------
        InputError: there is no such job, it is waiting, running or done, its picture is gone, it cannot be done, or the
        settings do not allow it.
        """
        allowed = _changeable()
        wanted, content = self.job(number).wanted, self.picture(number)
        if wanted != UNREADABLE:
            self._check_length(wanted, Picture(wanted.picture, content) if content else None, allowed)
        with self._file.changing() as database:
            if _state(database, number) in ACTIVE:
                raise InputError(f"job {number}", "it has not ended", "wait, or cancel it first")
            self._check_room(database, allowed)
            row = database.execute(f"SELECT {COLUMNS}, picture FROM jobs WHERE number = ?", (number,)).fetchone()
            if job_of(row[:-1]).wanted.picture and row[-1] is None:
                cause = f"its picture is gone, {KEPT.days} days after it ended"
                raise InputError(f"job {number}", cause, "submit it again with the picture")
            _move(database, number, State.QUEUED, "asked for again")
            database.execute("DELETE FROM failures WHERE job = ?", (number,))

    def jobs(self, states: Sequence[State] = tuple(State), limit: int = 100) -> list[Job]:
        """Jobs in one of `states`: those that run, then those that wait in the order of their turn, then the newest."""
        known = ", ".join(f"'{state}'" for state in State)
        odd = f"OR state NOT IN ({known})" if State.FAILED in states else ""  # what is in no state cannot be done
        query = f"""SELECT {COLUMNS} FROM {CURRENT} WHERE state IN ({", ".join("?" * len(states))}) {odd}
            ORDER BY state NOT IN ('running', 'cancelling'), state != 'queued',
            iif(state = 'queued', -priority, 0), iif(state = 'queued', number, -number) LIMIT ?"""
        return [job_of(row) for row in self._file.rows(query, (*states, limit))]

    def job(self, number: int) -> Job:
        """Return one job; raises InputError if there is none of that number."""
        for job in self.find([number]):
            return job
        raise _unknown(number)

    def find(self, numbers: Iterable[int]) -> list[Job]:
        """Return the jobs of these `numbers` that there are, in their order."""
        query = f"SELECT {COLUMNS} FROM {CURRENT} WHERE number = ?"
        return [job_of(row) for number in numbers if _can_be(number) for row in self._file.rows(query, (number,))]

    def picture(self, number: int) -> bytes | None:
        """Return the image file that a job is about; None if nobody brought one, or if it is gone."""
        rows = self._file.rows("SELECT picture FROM jobs WHERE number = ?", (number,))
        return next((content for (content,) in rows if isinstance(content, bytes)), None)

    def failures(self, number: int, limit: int = 1000) -> list[Failure]:
        """Return what of a job could not be measured."""
        query = "SELECT prompt, seed, reason FROM failures WHERE job = ? ORDER BY rowid LIMIT ?"
        return [failure_of(row) for row in self._file.rows(query, (number, limit))]

    def log(self, number: int) -> list[tuple[str, str]]:
        """Return what happened to a job: times (UTC, ISO 8601) and texts, oldest first, the last `LOGGED` of them."""
        rows = self._file.rows("SELECT written, text FROM log WHERE job = ? ORDER BY rowid", (number,))
        return [line_of(row) for row in rows]

    def workers(self) -> list[WorkerStatus]:
        """Return the workers that are alive."""
        rows = self._file.rows("SELECT name, place, slots, beat FROM workers ORDER BY name")
        return [worker for row in rows if (worker := worker_of(row)).alive]

    def pace(self, model: str) -> Pace | None:
        """Return what work items of `model` cost lately; None if none were measured."""
        query = "SELECT evaluations / seconds, bytes / results FROM pace WHERE model = ?"
        return next((pace_of(row) for row in self._file.rows(query, (model,))), None)

    def beat(self, worker: WorkerStatus) -> None:
        """Say that `worker` is alive."""
        with self._file.changing() as database:
            database.execute("INSERT OR REPLACE INTO workers VALUES (?, ?, ?, ?)", astuple(worker))

    def take(self, worker: str, above: int | None = None) -> Job | None:
        """Give `worker` the job whose turn it is, if there is one, of a priority higher than `above`.

        Jobs of workers that died are back in the queue. Entries that cannot be read have failed.
        """
        query = f"""SELECT {COLUMNS} FROM jobs WHERE state = ? AND (? IS NULL OR priority > ?)
            ORDER BY priority DESC, number LIMIT 1"""
        with self._file.changing() as database:
            database.execute("UPDATE workers SET beat = ? WHERE name = ?", (time.time(), worker))
            _recover(database)
            while row := database.execute(query, (State.QUEUED, above, above)).fetchone():
                job = job_of(row)
                _move(database, job.number, State.RUNNING, f"taken by {worker}", worker)
                if job.state == State.QUEUED:
                    return replace(job, state=State.RUNNING, worker=worker, began=_now(), progress=Progress())
                _move(database, job.number, State.FAILED, job.reason)
            return None

    def begin(self, job: Job, moment: str) -> None:
        """Write down that the first evaluation of `job` was made at `moment` (UTC, ISO 8601)."""
        with self._file.changing() as database:
            database.execute(
                "UPDATE jobs SET began = ? WHERE number = ? AND worker = ?", (moment, job.number, job.worker)
            )

    def report(self, job: Job, progress: Progress) -> State | None:
        """Write down how far `job` is; return its state, None if it is no longer its worker's."""
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
            row = job.number, _text(failure.prompt), failure.seed, _text(failure.reason)
            database.execute("INSERT INTO failures VALUES (?, ?, ?, ?)", row)
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

    def _check_length(self, wanted: JobSpec, picture: Picture | None, allowed: Settings) -> None:
        """Raise InputError if a job cannot be done, or costs more than the settings allow beside what is there."""
        requests = wanted.requests(self.root, picture)
        if not self.limited or sum(request.evaluations for request in requests) <= allowed.max_evaluations:
            return
        from store.catalogue import Catalogue  # pandas takes a while to import, and few jobs are so long
        from store.jobs.cost import cost_of

        card = model_cards.find(map(model_cards.load, model_cards.paths(self.root)), wanted.model)
        evaluations = cost_of(requests, wanted.model, Catalogue(self.root), card).evaluations
        if evaluations > allowed.max_evaluations:
            raise too_long(evaluations, allowed)

    def _check_room(self, database: sqlite3.Connection, allowed: Settings) -> None:
        """Raise InputError if one more job is more than the settings allow."""
        states = ", ".join(f"'{state}'" for state in ACTIVE)
        count = database.execute(f"SELECT count(*) FROM jobs WHERE state IN ({states})").fetchone()[0]
        if self.limited and count >= allowed.max_jobs:
            raise too_many(allowed)

    def _check(self, database: sqlite3.Connection) -> None:
        if fault := fault_of(database):
            raise StoreError(self.path, fault, MEND)

    def _prepare(self, database: sqlite3.Connection) -> None:
        if database.execute("PRAGMA user_version").fetchone()[0] < VERSION:
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(SCHEMA)


def too_long(evaluations: int, allowed: Settings) -> InputError:
    """Return the error of a job that costs more than the settings allow."""
    cause = f"{evaluations:,} evaluations are more than the {allowed.max_evaluations:,} of the setting max_evaluations"
    return InputError("job", cause, "ask for less, or use python -m compute submit")


def too_many(allowed: Settings) -> InputError:
    """Return the error of a job that is one more than the settings allow."""
    cause = f"{allowed.max_jobs} jobs wait or run already, as many as the setting max_jobs allows"
    return InputError("job", cause, "wait for some, or cancel them")


def _changeable() -> Settings:
    """Return the settings; raises InputError if they allow no change."""
    allowed = settings.load()
    if allowed.read_only:
        cause = "nothing can be computed or changed here, as the setting read_only says"
        raise InputError("jobs", cause, f"set {PREFIX}READ_ONLY=0 where that is wanted")
    return allowed


def _state(database: sqlite3.Connection, number: int) -> State:
    if not _can_be(number):
        raise _unknown(number)
    found = database.execute("SELECT state FROM jobs WHERE number = ?", (number,)).fetchone()
    if found is None:
        raise _unknown(number)
    return State(found[0]) if found[0] in tuple(State) else State.FAILED


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
        reason = _text(why) if to == State.FAILED else ""
        database.execute(
            "UPDATE jobs SET state = ?, reason = ?, ended = ?, partial = 0 WHERE number = ?",
            (to, reason, _now(), number),
        )
        _forget_pictures(database)
    _log(database, number, f"{to}: {why}" if why else str(to))


def _recover(database: sqlite3.Connection) -> None:
    """Take from workers that are gone what they were running."""
    for number, state in database.execute(f"SELECT number, state FROM jobs WHERE {GONE}").fetchall():
        to = State.QUEUED if state == State.RUNNING else State.CANCELLED
        _move(database, number, to, "its worker ended")


def _belongs(database: sqlite3.Connection, job: Job) -> bool:
    found = database.execute("SELECT worker FROM jobs WHERE number = ?", (job.number,)).fetchone()
    return found is not None and found[0] == job.worker


def _log(database: sqlite3.Connection, number: int, text: str) -> None:
    database.execute("INSERT INTO log VALUES (?, ?, ?)", (number, _now(), _text(text)))
    database.execute(
        "DELETE FROM log WHERE job = ? AND rowid <= (SELECT rowid FROM log WHERE job = ? "
        "ORDER BY rowid DESC LIMIT 1 OFFSET ?)",
        (number, number, LOGGED),
    )


def _forget_pictures(database: sqlite3.Connection) -> None:
    """Let go of the pictures of jobs that are done, and of those that nobody has tried again for long."""
    before = (datetime.now(UTC) - KEPT).isoformat()
    database.execute(
        """UPDATE jobs SET picture = NULL WHERE picture IS NOT NULL
        AND (state = 'done' OR (state IN ('failed', 'cancelled') AND ended < ?))""",
        (before,),
    )


def _text(text: str) -> str:
    """`text` as the file can hold it."""
    return text.encode("utf-8", "backslashreplace").decode()


def _can_be(number: int) -> bool:
    """Whether a job can have this `number`: SQLite counts in 64 bits."""
    return 0 < number < 2**63


def _unknown(number: int) -> InputError:
    return InputError(f"job {number}", "there is none", "see `python -m compute jobs`")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
