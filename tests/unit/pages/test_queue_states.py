"""Pages beside a queue that cannot be read, or that is another than the one they saw: they say so, and stay."""

import sqlite3

import pytest

from store.jobs import NAME, JobSpec, Queue
from tests import synthetic

PAIR = JobSpec(model="embedded", prompt="a female doctor", pairs=(("female", "doctor"),), images=2, noises=64)


@pytest.fixture
def root(tmp_path):
    synthetic.bias(tmp_path, 1, size=8, grid=4)
    return tmp_path


@pytest.mark.parametrize("content", [b"no database" * 200, b"", None])
@pytest.mark.parametrize("script", ["overview.py", "jobs.py", "gender.py"])
def test_a_page_beside_a_queue_that_is_none_is_drawn(root, opened, script, content):
    if content is None:
        (root / NAME).mkdir()
    else:
        (root / NAME).write_bytes(content)
    page = opened(script)
    assert page.app.title
    assert (NAME in page.said) == (content != b"")


def test_jobs_that_are_gone_or_cannot_be_read_leave_the_pages_be(root, opened):
    queue = Queue(root)
    numbers = [queue.submit(PAIR, "Ada") for _ in range(2)]
    with sqlite3.connect(queue.path) as database:
        database.execute("UPDATE jobs SET wanted = '{', created = 'x' WHERE number = 1")
    page = opened("jobs.py")
    assert "cannot be read" in page.said
    page.app.session_state["launched"] = [(str(root), number) for number in numbers]
    queue.path.unlink()
    page.go("overview.py")
    page.go("jobs.py")
    assert "cannot be read" not in page.said
