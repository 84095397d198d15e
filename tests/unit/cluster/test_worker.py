"""What a worker does when something goes wrong: with a scheduler that is only played, so that no process is needed."""

import sqlite3
import time
from dataclasses import replace
from threading import Event, Thread

import pytest
from distributed import KilledWorker

from compute.cluster.job import RunningJob
from compute.cluster.pool import Pool, local
from compute.cluster.tasks import Source
from compute.cluster.worker import LOADS, Worker
from compute.models import registry
from store.errors import InputError
from store.jobs import JobSpec, Queue, State, WorkerStatus

PAIR = JobSpec(model="embedded", prompt="a female doctor", pairs=(("female", "doctor"),), images=2, noises=64)


class Answer:
    """A task that has ended."""

    def __init__(self, content):
        self.content, self.status = content, "error" if isinstance(content, Exception) else "finished"

    def done(self):
        return True

    def add_done_callback(self, tell):
        tell(self)

    def cancelled(self):
        return False

    def exception(self):
        return self.content

    def result(self):
        return self.content


class Scheduler:
    """Plays a Dask client: every task ends at once with the next of `answers`; the last goes on for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.submitted = 0

    def nthreads(self):
        return {"one": 1}

    def submit(self, *_, **__):
        self.submitted += 1
        return Answer(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])

    def subscribe_topic(self, *_):
        pass


@pytest.fixture(scope="module")
def card():
    return registry.card(registry.load("embedded", device="cpu"), "embedded")


def killed():
    return KilledWorker("task", None, 3)


def worker_of(root, *answers):
    return Worker(root, Pool(Scheduler(*answers), "nowhere"), root / "cache")


def asked(worker, source, times):
    """What the card of `source` is after so many looks."""
    return next((card for _ in range(times) if (card := worker._card(source))), None)


def test_processes_that_are_killed_while_they_load_a_model_cost_no_job(tmp_path, card):
    worker = worker_of(tmp_path, *[killed()] * (LOADS - 1), card)
    assert asked(worker, Source("embedded"), LOADS) == card
    always = worker_of(tmp_path, killed())
    with pytest.raises(InputError, match="more memory"):
        asked(always, Source("embedded"), LOADS)
    with pytest.raises(InputError, match="more memory"):  # another job has as many tries
        asked(always, Source("embedded"), LOADS)
    assert always.pool.client.submitted == 2 * LOADS


def test_each_job_looks_at_the_files_of_its_model_again(tmp_path, card):
    later = replace(card, revision="later")
    worker = worker_of(tmp_path, card, later)
    assert [worker._card(Source("embedded")).revision for _ in range(2)] == [card.revision, "later"]


def test_a_job_that_cannot_be_done_fails_and_the_worker_goes_on(tmp_path, card, monkeypatch):
    queue = Queue(tmp_path)
    numbers = [queue.submit(PAIR, "Ada") for _ in range(5)]
    hostile = ["{", '{"model": "embedded", "prompt": "a \\u0000 b", "pairs": [["a", "b"]]}', PAIR.as_json(), b"\xff"]
    with sqlite3.connect(queue.path) as database:
        for number, wanted in zip(numbers, hostile, strict=False):
            database.execute("UPDATE jobs SET wanted = ? WHERE number = ?", (wanted, number))
        lost = replace(PAIR, picture="own.png").as_json()
        database.execute("UPDATE jobs SET wanted = ? WHERE number = ?", (lost, numbers[4]))

    def broken(*_):
        raise RecursionError("too\ndeep")
        yield

    monkeypatch.setattr(RunningJob, "items", broken)  # as a fault of ours would
    said = list(worker_of(tmp_path, card).work(Event(), until_empty=True))
    jobs = queue.find(numbers)
    assert {job.state for job in jobs} == {State.FAILED}
    for job, reason in zip(
        jobs, ("cannot be read", "no text", "RecursionError: too deep", "cannot", "own"), strict=True
    ):
        assert reason in job.reason and "\n" not in job.reason
    assert all("\n" not in line for line in said)


def test_a_worker_waits_for_a_queue_that_is_locked_and_keeps_its_jobs(tmp_path, card):
    queue = Queue(tmp_path)
    queue.submit(PAIR, "Ada")
    worker = worker_of(tmp_path, card)
    lock = sqlite3.connect(queue.path, isolation_level=None, check_same_thread=False)
    lock.execute("BEGIN EXCLUSIVE")
    release = Thread(target=lambda: (time.sleep(0.5), lock.execute("ROLLBACK")))
    release.start()
    job = worker.queue.take(worker.name)
    release.join()
    lock.close()
    assert job is not None
    worker.queue.beat(replace(beat_of(worker), beat=time.time() - 60))  # it could not say that it was alive
    assert worker.queue.take(worker.name) is None
    assert queue.job(job.number).state == State.RUNNING


def beat_of(worker):
    return WorkerStatus(worker.name, "here", 1, time.time())


def test_a_job_began_when_its_first_evaluation_was_made(tmp_path, card):
    queue, worker = Queue(tmp_path), worker_of(tmp_path, card)
    queue.submit(PAIR, "Ada")
    worker.queue.beat(beat_of(worker))
    list(worker._take())
    (running,) = worker.running
    taken = queue.job(1).began
    running.in_flight["ticket"] = flying = type("Flying", (), {"evaluations": 0, "share": 0.25})()
    worker._hear((0.0, {"ticket": "ticket", "evaluations": 0}))
    worker._write_down(running)
    assert queue.job(1).began == taken
    time.sleep(0.002)
    worker._hear((0.0, {"ticket": "ticket", "evaluations": 128}))
    worker._write_down(running)
    began = queue.job(1).began
    assert began > taken and flying.evaluations == 128
    worker._hear((0.0, {"ticket": "ticket", "evaluations": 256}))
    worker._write_down(running)
    assert queue.job(1).began == began
    assert queue.job(1).seconds_left is None  # too early to say


def test_processes_that_cannot_be_started_are_said_in_one_line(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    said = r"processes of this machine: they cannot be started \(.+\); make room"
    with pytest.raises(InputError, match=said), local(1):
        pass
