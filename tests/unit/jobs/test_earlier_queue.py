"""The queue of an earlier version works on: tests/archives/jobs_1.sqlite has a job in every state."""

import io
import shutil
import time

import pytest
from PIL import Image

from store.jobs import NAME, SOON, Failure, JobSpec, Progress, Queue, State, WorkerStatus
from tests.conftest import ROOT


@pytest.fixture
def queue(tmp_path):
    shutil.copy(ROOT / "tests" / "archives" / "jobs_1.sqlite", tmp_path / NAME)
    return Queue(tmp_path)


def test_its_jobs_are_read_as_they_were_asked(queue):
    done, failed, cancelled, own, *_ = (queue.job(number) for number in range(1, 7))
    assert done.wanted == JobSpec("embedded", "a female doctor", (("female", "doctor"),), images=4, noises=64)
    assert (done.state, done.author, done.priority) == (State.DONE, "Ada", SOON)
    assert done.progress == Progress(4, 4, 0, 4, 0.0, 2048) and done.began and done.ended
    about = {"study": "embedded-gender", "limit": 2, "images": 2, "noises": 32, "target": 0.1, "guidance": 3.0}
    assert failed.wanted == JobSpec("embedded", **about, dtype="float32")
    assert (failed.state, failed.reason) == (State.FAILED, "1 of 12 images could not be measured")
    assert queue.failures(2) == [
        Failure("a female doctor", 1, "out of memory"),
        Failure("a long prompt", None, "it would be cut off"),
    ]
    about = {"measure": "pm", "estimator": "standard", "surprisals": (1.0, 2.5), "revision": "abc"}
    assert cancelled.wanted == JobSpec("sd-1.5", "a doctor", probes=(("male", "doctor"),), **about)
    assert own.wanted.picture == "cat.png"
    assert Image.open(io.BytesIO(queue.picture(4))).size == (8, 6)
    assert "plan: 4 images, 8 texts, 64 noises" in [text for _, text in queue.log(1)]
    assert queue.pace("embedded").rate == pytest.approx(128) and queue.workers() == []


def test_its_work_goes_on(queue):
    states = [State.DONE, State.FAILED, State.CANCELLED, State.QUEUED, State.QUEUED, State.CANCELLED]
    assert [queue.job(number).state for number in range(1, 7)] == states  # the worker of the fourth has ended
    queue.beat(WorkerStatus("new", "here", 1, time.time()))
    job = queue.take("new")
    assert (job.number, job.state) == (4, State.RUNNING)
    queue.report(job, Progress(1, 1, 0, 1, 0.0, 512))
    queue.finish(job)
    queue.retry(2)
    queue.cancel(5)
    assert [queue.job(number).state for number in (2, 4, 5)] == [State.QUEUED, State.DONE, State.CANCELLED]
    assert queue.submit(JobSpec("embedded", "a cat", (("a", "cat"),)), "Eve") == 7
