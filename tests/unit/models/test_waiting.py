"""How threads wait for each other is decided by what others compute."""

import subprocess
import sys
import textwrap

import psutil
import pytest
import torch

from compute.models import waiting
from tests.conftest import ROOT

WITHIN = 120  # seconds


@pytest.mark.parametrize(
    ("others", "threads", "processors", "crowded"),
    [
        (0.0, 2, 2, False),
        (0.3, 2, 2, False),  # a browser
        (0.7, 2, 2, True),  # one that computes, and gets two thirds of a processor
        (1.0, 1, 2, False),
        (4.0, 4, 8, False),  # another process of as many threads
        (7.6, 4, 8, True),
        (62.0, 64, 64, True),
    ],
)
def test_threads_sleep_where_others_leave_too_few_processors(others, threads, processors, crowded):
    assert waiting.crowded(others, threads, processors) is crowded


def test_a_team_of_idle_threads_stands_by_and_changes_no_number_of_threads():
    threads = psutil.Process().num_threads
    usual, before = torch.get_num_threads(), threads()
    with waiting.asleep():
        assert threads() > before + psutil.cpu_count()
        assert torch.get_num_threads() == usual
    with waiting.asleep():
        assert threads() <= before + 3 * psutil.cpu_count() + 1


def test_a_process_notices_others_that_compute():
    script = """
        import time, psutil, torch
        from compute.models import waiting
        process = psutil.Process()
        torch.set_num_threads(2)
        alone = process.num_threads()
        waiting.watch()
        while process.num_threads() <= alone + 2:  # the one that looks, and the one whose team stands by
            time.sleep(0.05)
    """
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(psutil.cpu_count())]
    try:
        command = [sys.executable, "-c", textwrap.dedent(script)]
        subprocess.run(command, cwd=ROOT, timeout=WITHIN, check=True)
    finally:
        for other in others:
            other.kill()
            other.wait()
