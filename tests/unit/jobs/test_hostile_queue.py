"""A queue that holds whatever it may: a row is a job or says what is wrong with it, the file is used or named."""

import json
import os
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import asdict, fields, replace

import pytest

from store.errors import DiffusionPIDError, InputError, StoreError
from store.jobs import ACTIVE, NAME, Failure, JobSpec, Queue, State, WorkerStatus
from store.jobs.schema import NAMES
from tests.budget import chance, rounds

PAIR = JobSpec(model="embedded", prompt="a female doctor", pairs=(("female", "doctor"),), images=2, noises=64)
VALUES = [
    None, "", "x", "-1", "9" * 5000, "NaN", "[", "[" * 100_000, "{}", "null", '{"model": 1}', "2026-01-01", "running",
    '{"model": "embedded", "pairs": [["a"]]}', '{"model": "embedded", "pairs": 7, "images": "many"}',
    '{"model": "embedded", "images": 1e400, "noises": true}', '{"model": "embedded", "guidance": 1' + "0" * 400 + "}",
    '{"model": "embedded", "prompt": "a cat", "surprisals": [null, 1]}', '{"model": "\\ud800", "prompt": "a\\u0000"}',
    b"\xff\xfe", b"", 0, -1, 2**63 - 1, -(2**63), 0.5, 1e308, float("inf"), "a\0b", "\U0001f600",
]  # fmt: skip


@pytest.fixture
def queue(tmp_path):
    """A queue with one job in each state, a worker that lives, a failure and a pace."""
    queue = Queue(tmp_path)
    for state in State:
        number = queue.submit(PAIR, "Ada")
        with queue._file.changing() as database:
            database.execute("UPDATE jobs SET state = ?, worker = 'w' WHERE number = ?", (state, number))
    queue.beat(WorkerStatus("w", "here", 1, time.time()))
    queue.fail(queue.job(2), Failure("a prompt", 3, "a reason"))
    queue.keep_pace("embedded", 100, 1.0, 1000, 2)
    return queue


def set_raw(queue, table, column, value):
    """Write into every row, whatever the column is for."""
    with sqlite3.connect(queue.path) as database:
        try:
            database.execute(f"UPDATE {table} SET {column} = ?", (value,))
        except sqlite3.IntegrityError:
            return
        if isinstance(value, bytes):
            database.execute(f"UPDATE {table} SET {column} = CAST({column} AS TEXT)")


def look_at_everything(queue):
    """Do what pages and commands do with a queue; return the jobs."""
    found = queue.jobs()
    for job in (*found, *queue.jobs(ACTIVE), *queue.jobs([State.FAILED, State.DONE]), *queue.find(range(1, 8))):
        assert 0 <= job.share <= 1 and job.seconds >= 0 and job.wanted.title
        assert job.rate is None or job.rate > 0
        assert job.seconds_left is None or job.seconds_left >= 0
        json.dumps(asdict(job), allow_nan=False)
        for text in (job.author, job.reason, job.worker, job.created, job.began, job.ended):
            text.encode()
        queue.picture(job.number)
        for failure in queue.failures(job.number):
            assert failure.reason + failure.prompt is not None
        assert all(isinstance(text, str) for line in queue.log(job.number) for text in line)
    assert all(worker.slots >= 0 for worker in queue.workers())
    pace = queue.pace("embedded")
    assert pace is None or 100 / pace.rate >= 0
    return found


def columns():
    """All columns of all tables of the queue."""
    tables = {
        "jobs": [*(name for name in NAMES if name != "number"), "picture"],
        "failures": ["prompt", "seed", "reason"],
        "log": ["written", "text"],
        "workers": ["name", "place", "slots", "beat"],
        "pace": ["evaluations", "seconds", "bytes", "results"],
    }
    return [(table, column) for table, names in tables.items() for column in names]


@pytest.mark.parametrize(("table", "column"), columns())
def test_whatever_a_column_holds_can_be_shown_and_what_is_sound_is_taken(queue, table, column):
    for value in chance(f"{table}.{column}").sample(VALUES, min(len(VALUES), rounds(8, len(VALUES)))):
        set_raw(queue, table, column, value)
        look_at_everything(queue)
    sound = queue.submit(PAIR, "Ada", priority=9)
    queue.beat(WorkerStatus("v", "here", 1, time.time()))
    taken = []
    while job := queue.take("v"):
        taken.append(job.number)
        queue.finish(job)
    assert sound in taken
    assert queue.job(sound).state == State.DONE
    assert not queue.jobs([State.QUEUED])


def test_a_row_that_cannot_be_read_is_named_and_lets_others_pass(tmp_path):
    queue = Queue(tmp_path)
    broken, sound = queue.submit(PAIR, "Ada", priority=5), queue.submit(PAIR, "Ben")
    set_raw(queue, "jobs", "wanted", "{")
    with sqlite3.connect(queue.path) as database:
        database.execute("UPDATE jobs SET wanted = ? WHERE number = ?", (PAIR.as_json(), sound))
    (job,) = queue.find([broken])
    assert job.state == State.FAILED and "cannot be read" in job.reason and "submit it again" in job.reason
    queue.beat(WorkerStatus("w", "here", 1, time.time()))
    assert queue.take("w").number == sound
    assert queue.jobs([State.FAILED])[0].number == broken  # settled, in the file too
    assert queue.retry(broken) is None and queue.take("w") is None
    assert queue.jobs([State.FAILED])[0].number == broken


def test_what_a_field_of_a_job_may_hold_is_tried_one_by_one():
    sound = json.loads(PAIR.as_json())
    for field in fields(JobSpec):
        for value in VALUES:
            if isinstance(value, bytes):
                continue
            for one in (value, [value], {"a": value}):
                try:
                    spec = JobSpec.parse(json.dumps(sound | {field.name: one}))
                except InputError:
                    continue
                try:
                    spec.requests(None)
                except InputError:
                    continue
                assert JobSpec.parse(spec.as_json()) == spec


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": "a female doc\0tor", "pairs": (("a", "female"),)}, "no text"),
        ({"prompt": "a \udcff doctor"}, "no text"),
        ({"model": "x" * 5000}, "shorten it"),
        ({"model": " "}, "name one"),
        ({"dtype": "int4"}, "use one of float32"),
        ({"images": 5_000_000_000}, "not from 1 to 10,000"),
        ({"images": 10**5000}, "more than 15 digits"),
        ({"images": 0}, "not from 1 to"),
        ({"noises": 10**30}, "more than 1,048,576"),
        ({"guidance": float("nan")}, "guidance nan"),
        ({"guidance": float("inf")}, "guidance inf"),
        ({"guidance": -5.0}, "guidance -5.0"),
        ({"guidance": 0.5}, "images of 1"),
        ({"target": float("nan")}, "target nan"),
        ({"surprisals": (float("nan"), 1.0)}, "in nats"),
        ({"surprisals": (1.0, float("inf"))}, "in nats"),
        ({"surprisals": (-1.0, 1.0)}, "in nats"),
    ],
)
def test_what_cannot_be_computed_does_not_enter(tmp_path, change, said):
    with pytest.raises(InputError, match=said) as caught:
        Queue(tmp_path).submit(replace(PAIR, **change), "Ada")
    assert len(str(caught.value)) < 6000
    assert not (tmp_path / NAME).exists()


def test_priorities_and_numbers_beyond_all_bounds_are_refused(tmp_path):
    queue = Queue(tmp_path)
    queue.submit(PAIR, "Ada", -1_000_000)
    for priority in (10**30, -3_000_000_000):
        with pytest.raises(InputError, match="priority: not from"):
            queue.submit(PAIR, "Ada", priority)
    for act in (queue.job, queue.cancel, queue.retry):
        for number in (10**30, 0, -1):
            with pytest.raises(InputError, match="there is none"):
                act(number)
    assert queue.find([1, 10**30, 2])[0].number == 1


def test_texts_that_are_no_unicode_are_written_as_they_can_be(tmp_path):
    queue = Queue(tmp_path)
    number = queue.submit(PAIR, "A\udcffda")
    queue.beat(WorkerStatus("w", "here", 1, time.time()))
    job = queue.take("w")
    queue.fail(job, Failure("a \udcff", None, "no \udcff"))
    queue.note(job, "\udcff")
    queue.finish(job, "\udcff")
    assert queue.job(number).reason == "\\udcff" and queue.failures(number)[0].reason == "no \\udcff"


def make_garbage(path):
    path.write_bytes(b"no database" * 200)


def make_other(path):
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE moz_places (id INTEGER)")


def make_other_version_one(path):
    make_other(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 1")


def make_newer(path):
    Queue(path.parent).submit(PAIR, "Ada")
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")


def make_folder(path):
    path.mkdir()


def make_fifo(path):
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (make_garbage, "not a database"),
        (make_other, "something else"),
        (make_other_version_one, "something else"),
        (make_newer, "later software"),
        (make_folder, "no regular file"),
        (make_fifo, "no regular file"),
    ],
)
def test_a_file_that_is_no_queue_is_named_and_left_alone(tmp_path, make, said):
    make(tmp_path / NAME)
    before = (tmp_path / NAME).stat()
    queue = Queue(tmp_path)
    asked = (
        queue.jobs,
        queue.workers,
        lambda: queue.job(1),
        lambda: queue.submit(PAIR, "Ada"),
        lambda: queue.take("w"),
    )
    for ask in asked:
        with pytest.raises(StoreError, match=said) as caught:
            ask()
        assert str(tmp_path / NAME) in str(caught.value)
    after = (tmp_path / NAME).stat()
    assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)


def test_an_empty_file_is_an_empty_queue(tmp_path):
    (tmp_path / NAME).touch()  # as a full disk leaves it
    queue = Queue(tmp_path)
    assert queue.jobs() == [] and queue.workers() == [] and queue.pace("embedded") is None
    assert queue.submit(PAIR, "Ada") == 1 and len(queue.jobs()) == 1


def test_a_queue_that_was_replaced_has_no_job_of_the_old_one(tmp_path):
    queue = Queue(tmp_path)
    numbers = [queue.submit(PAIR, "Ada") for _ in range(2)]
    (tmp_path / NAME).unlink()
    assert queue.find(numbers) == []
    Queue(tmp_path).submit(PAIR, "Ben")
    assert [job.author for job in queue.find(numbers)] == ["Ben"]


@pytest.fixture
def read_only(tmp_path):
    """A file system of its own that `seal` mounts read-only."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"a file system cannot be mounted here: {made.stderr.strip()}")

    def seal():
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)

    yield place, seal
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.parametrize("left", ["closed", "killed"])
def test_a_queue_on_a_read_only_file_system_is_read(read_only, left):
    place, seal = read_only
    queue = Queue(place)
    queue.submit(PAIR, "Ada")
    if left == "killed":  # what its writer left in the log, without the shared memory of the log
        open_ = sqlite3.connect(queue.path)
        open_.execute("UPDATE jobs SET author = 'Ben'")
        open_.commit()
        log = queue.path.with_name(f"{NAME}-wal").read_bytes()
        open_.close()
        queue.path.with_name(f"{NAME}-wal").write_bytes(log)
    seal()
    assert [job.author for job in queue.jobs()] == ["Ada" if left == "closed" else "Ben"]
    with pytest.raises(StoreError, match=NAME):
        queue.submit(PAIR, "Cyd")


def test_a_locked_queue_is_waited_for(tmp_path):
    queue = Queue(tmp_path)
    queue.submit(PAIR, "Ada")
    with sqlite3.connect(queue.path) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert len(queue.jobs()) == 1  # who reads does not wait
        with pytest.raises(DiffusionPIDError, match="locked"):
            Queue(tmp_path, patience=0.1).submit(PAIR, "Ben")
        other.rollback()
    assert queue.submit(PAIR, "Ben") == 2
