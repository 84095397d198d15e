"""`python -m tests.killing STORE REPORTS KILLS`: writers of one store, each killed at a moment of chance.

They are forked from this process, which has imported everything, so that many can be killed in little time.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from store import hdf5
from tests import synthetic
from tests.budget import chance

PROMPTS = ("a female doctor", "a male doctor", "a green apple", "a toy bear")
TOGETHER = 3
LONGEST = 3  # between two kills, times as long as publishing once takes here


def main(root: Path, reports: Path, kills: int) -> None:
    """Kill `kills` writers, a few of which are alive at a time."""
    moments, longest = chance("kills"), LONGEST * seconds_to_publish(root)
    for first in range(0, kills, TOGETHER):
        writers = []
        for number in range(first, first + TOGETHER):
            if writer := os.fork():
                writers.append(writer)
            else:
                write_on(root, reports / str(number), number)
        for writer in writers:
            time.sleep(moments.uniform(0, longest))
            os.kill(writer, signal.SIGKILL)
            os.waitpid(writer, 0)


def seconds_to_publish(root: Path) -> float:
    """How long it takes, once everything is warm."""
    hdf5.publish(root, synthetic.record(size=16, grid=4))
    start = time.monotonic()
    hdf5.publish(root, synthetic.record(words=("a", "doctor"), size=16, grid=4))
    return time.monotonic() - start


def write_on(root: Path, report: Path, number: int) -> None:
    """Publish pair after pair into files that others write too, and report each once it is done; never returns."""
    with report.open("a") as file:
        for step in range(number, sys.maxsize):
            prompt, seed = PROMPTS[step % len(PROMPTS)], number % 20
            *_, middle, last = prompt.split()
            pair = (middle if step % 3 else "a", last)
            path = hdf5.publish(root, synthetic.record(prompt, pair, seeds=(seed,), size=16, grid=4))
            file.write(json.dumps([str(path), "+".join(pair), seed]) + "\n")
            file.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
