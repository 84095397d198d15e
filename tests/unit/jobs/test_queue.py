"""The queue: states change along their edges alone, whoever changes them at once; workers may die."""

import itertools
import multiprocessing
import sqlite3
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from store.errors import InputError, StoreError
from store.jobs import (
    ACTIVE,
    LATER,
    LOST,
    NAME,
    NEXT,
    SOON,
    Budget,
    Failure,
    JobSpec,
    Progress,
    Queue,
    State,
    WorkerStatus,
)
from store.jobs.queue import KEPT

OWN = b"an image"
PAIR = JobSpec("embedded", "a female doctor", (("female", "doctor"),), images=2, noises=64)
STUDY = JobSpec("embedded", study="gender", limit=3)


def alive(queue, name="w", beat=None):
    queue.beat(WorkerStatus(name, "here", 1, time.time() if beat is None else beat))
    return name


def into(queue, state):
    """The number of a job that was brought into `state` as it happens in life."""
    number = queue.submit(PAIR, "Ada")
    if state in (State.QUEUED, State.CANCELLED):
        if state == State.CANCELLED:
            queue.cancel(number)
        return number
    job = queue.take(alive(queue))
    if state == State.CANCELLING:
        queue.cancel(number)
    elif state in (State.FAILED, State.DONE):
        queue.finish(job, "no memory" if state == State.FAILED else "")
    return number


@pytest.mark.parametrize("wanted", [PAIR, replace(STUDY, target=0.05, guidance=3.0, surprisals=(1.0, 2.0))])
def test_a_job_comes_back_as_it_was_submitted(tmp_path, wanted):
    queue = Queue(tmp_path)
    number = queue.submit(wanted, "Ada", SOON, b"picture")
    job = queue.job(number)
    assert (job.wanted, job.author, job.priority, job.state) == (wanted, "Ada", SOON, State.QUEUED)
    assert queue.picture(number) == b"picture"
    assert job.created and not job.began and queue.jobs() == [job]


def test_every_state_can_be_reached_and_only_its_edges_lead_on(tmp_path):
    for start in State:
        queue = Queue(tmp_path / start)
        number = into(queue, start)
        assert queue.job(number).state == start
        if start in ACTIVE:
            queue.cancel(number)
            assert queue.job(number).state == (State.CANCELLED if start == State.QUEUED else State.CANCELLING)
        else:
            with pytest.raises(InputError, match=f"job {number}: it is {start}"):
                queue.cancel(number)


def test_only_what_failed_or_was_cancelled_can_be_tried_again(tmp_path):
    for start in State:
        queue = Queue(tmp_path / start)
        number = into(queue, start)
        if State.QUEUED in NEXT[start] and start not in ACTIVE:
            queue.retry(number)
            assert queue.job(number).state == State.QUEUED
        else:
            with pytest.raises(InputError, match=f"job {number}: it"):
                queue.retry(number)
            assert queue.job(number).state == start


def test_a_picture_stays_for_another_try_and_leaves_with_what_is_done(tmp_path):
    queue = Queue(tmp_path)
    for state in (State.DONE, State.FAILED, State.CANCELLED):
        number = queue.submit(replace(PAIR, picture="own.png"), "Ada", picture=OWN)
        job = queue.take(alive(queue))
        if state == State.CANCELLED:
            queue.cancel(number)
        queue.finish(job, "it broke" if state == State.FAILED else "")
        assert queue.job(number).state == state
        assert queue.picture(number) == (None if state == State.DONE else OWN)


def test_a_picture_that_nobody_needs_for_long_leaves_and_its_job_is_not_tried_without_it(tmp_path):
    queue = Queue(tmp_path)
    number = queue.submit(replace(PAIR, picture="own.png"), "Ada", picture=OWN)
    queue.cancel(number)
    with queue._file.changing() as database:
        ended = (datetime.now(UTC) - KEPT - timedelta(days=1)).isoformat()
        database.execute("UPDATE jobs SET ended = ?", (ended,))
    queue.submit(PAIR, "Ben")
    assert queue.picture(number) is None
    with pytest.raises(InputError, match="its picture is gone, 30 days after it ended; submit it again"):
        queue.retry(number)


def test_the_turn_goes_by_priority_then_by_age(tmp_path):
    queue = Queue(tmp_path)
    study, other = queue.submit(STUDY, "Ada", LATER), queue.submit(STUDY, "Ben", LATER)
    assert queue.take(alive(queue)).number == study
    assert queue.take("w", above=LATER) is None
    pair = queue.submit(PAIR, "Cyd", SOON)
    assert [job.number for job in queue.jobs()] == [study, pair, other]
    assert [queue.take("w", above=LATER).number, queue.take("w").number] == [pair, other]
    assert queue.take("w") is None


def test_a_job_of_a_dead_worker_is_queued_again_and_lost_to_it(tmp_path):
    queue = Queue(tmp_path)
    number = queue.submit(PAIR, "Ada")
    first = queue.take(alive(queue, "first"))
    assert queue.report(first, Progress(2, 1, 0, 1, 0.5, 640)) == State.RUNNING
    queue.begin(first, "2026-01-01T00:00:00+00:00")
    assert queue.job(number).seconds > 0
    assert queue.job(number).share == 0.75 and queue.take(alive(queue, "second")) is None
    alive(queue, "first", time.time() - LOST - 1)
    assert queue.job(number).state == State.QUEUED  # nobody has to clean up for it to be seen
    assert queue.job(number).seconds == 0  # nor does its clock go on
    second = queue.take("second")
    assert second.number == number and queue.job(number).progress == Progress()
    assert queue.report(first, Progress(2, 2)) is None
    queue.finish(first)
    assert queue.job(number).state == State.RUNNING
    queue.finish(second)
    assert queue.job(number).state == State.DONE
    assert any("its worker ended" in text for _, text in queue.log(number))


def test_a_cancelled_job_of_a_dead_worker_ends(tmp_path):
    queue = Queue(tmp_path)
    number = into(queue, State.CANCELLING)
    queue.release("w")
    assert queue.job(number).state == State.CANCELLED


def test_a_worker_that_ends_gives_back_what_it_has(tmp_path):
    queue = Queue(tmp_path)
    number = into(queue, State.RUNNING)
    assert [worker.name for worker in queue.workers()] == ["w"]
    queue.release("w")
    assert queue.workers() == [] and queue.job(number).state == State.QUEUED


def test_what_failed_is_kept_with_its_reason_until_it_is_tried_again(tmp_path):
    queue = Queue(tmp_path)
    number = queue.submit(STUDY, "Ada")
    job = queue.take(alive(queue))
    failures = [Failure("a female doctor", 3, "it killed its worker"), Failure("too long", None, "would cut off")]
    for failure in failures:
        queue.fail(job, failure)
    queue.finish(job, "2 of 6 images failed")
    assert queue.failures(number) == failures
    assert (queue.job(number).state, queue.job(number).reason) == (State.FAILED, "2 of 6 images failed")
    assert queue.job(number).ended
    queue.retry(number)
    assert queue.failures(number) == [] and queue.job(number).reason == ""


def test_the_time_left_follows_from_what_was_measured_now(tmp_path):
    queue = Queue(tmp_path)
    queue.submit(STUDY, "Ada")
    job = queue.take(alive(queue))
    assert job.seconds_left is None and job.rate is None
    half = replace(job, progress=Progress(10, 6, 0, 2, 0.0, 1000), began="2026-01-01T00:00:00+00:00")
    assert half.seconds_left == pytest.approx(2 * half.seconds, rel=1e-3)
    assert half.rate == pytest.approx(1000 / half.seconds, rel=1e-3)


def test_the_pace_of_a_model_follows_its_newest_units(tmp_path):
    queue = Queue(tmp_path)
    assert queue.pace("embedded") is None
    for _ in range(25):
        queue.keep_pace("embedded", 100, 10.0, 5000, 2)
    for _ in range(25):
        queue.keep_pace("embedded", 100, 1.0, 5000, 2)
    assert queue.pace("embedded").rate == pytest.approx(100, rel=0.5)
    assert queue.pace("embedded").size == pytest.approx(2500)


def test_the_log_keeps_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("store.jobs.queue.LOGGED", 10)
    queue = Queue(tmp_path)
    queue.submit(PAIR, "Ada")
    job = queue.take(alive(queue))
    for count in range(15):
        queue.note(job, str(count))
    assert [text for _, text in queue.log(job.number)] == [str(count) for count in range(5, 15)]


def _take_all(root, name):
    queue, taken = Queue(root), []
    alive(queue, name)
    while job := queue.take(name):
        taken.append(job.number)
        queue.finish(job)
    return taken


def test_workers_at_once_never_share_a_job(tmp_path):
    queue = Queue(tmp_path)
    numbers = [queue.submit(PAIR, "Ada", count % 2) for count in range(20)]
    with ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as pool:
        taken = pool.map(_take_all, [tmp_path] * 3, ("one", "two", "three"))
    assert sorted(itertools.chain(*taken)) == numbers
    assert {job.state for job in queue.jobs()} == {State.DONE}


def test_what_there_is_not_is_said(tmp_path):
    queue = Queue(tmp_path)
    assert queue.jobs() == [] and queue.workers() == [] and not (tmp_path / NAME).exists()
    for act in (queue.job, queue.cancel, queue.retry):
        with pytest.raises(InputError, match="job 7: there is none"):
            act(7)


def test_a_damaged_or_later_file_is_named_and_left_alone(tmp_path):
    queue = Queue(tmp_path)
    queue.submit(PAIR, "Ada")
    with sqlite3.connect(tmp_path / NAME) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="later software"):
        queue.submit(PAIR, "Ada")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / NAME).write_bytes(b"no database" * 200)
    with pytest.raises(StoreError, match=NAME):
        Queue(tmp_path / "other").jobs()
    assert (tmp_path / "other" / NAME).read_bytes().startswith(b"no database")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (replace(PAIR, prompt=" "), "empty"),
        (replace(PAIR, pairs=(("nurse", "doctor"),)), "'nurse': not in the prompt"),
        (replace(PAIR, pairs=(), probes=(("female", "doctor"),)), "ask for them as a pair"),
        (replace(STUDY, study="nothing"), "not known"),
        (JobSpec("sd-1.5", study="embedded-gender"), "it is for model embedded"),
    ],
)
def test_what_cannot_be_asked_is_said_with_its_mend(tmp_path, wanted, said):
    with pytest.raises(InputError, match=said):
        wanted.requests(tmp_path)


def test_requests_are_as_the_study_says_unless_the_job_says_otherwise(tmp_path):
    plain = STUDY.requests(tmp_path)
    assert (len(plain), plain[0].guidance) == (9, None) and plain[0].budget.noises > 64
    assert plain[0].labels
    other = replace(STUDY, images=2, noises=64, guidance=3.0).requests(tmp_path)
    assert {(each.seeds, each.budget, each.guidance) for each in other} == {((0, 1), Budget(64), 3.0)}
    assert [each.pairs for each in other] == [each.pairs for each in plain]
    assert [pair.name for pair in PAIR.requests(tmp_path)[0].pairs] == ["female+doctor"]
