"""How threads of a network on processors wait for each other: they spin where there is room, and sleep elsewhere.

A network gives its threads work thousands of times a second, and waking one up takes longer than its share of a small
image. Threads that spin while somebody else needs their processor stop each other instead. libgomp, which torch uses
on Linux, lets threads spin for some milliseconds, or hardly at all while a process has more of them than there are
processors (its manual, GOMP_SPINCOUNT): here a team of idle threads makes it so. Whoever sets OMP_WAIT_POLICY or
GOMP_SPINCOUNT decides alone.
"""

import atexit
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from threading import Event, Thread

import psutil
import torch

LOOK = 0.25  # seconds over which it is counted what others compute
ROOM = 0.6  # processors that others may take of those that the threads of this process need
SPREAD = 2**17  # values that torch spreads over all its threads


@cache
def watch() -> None:
    """From now on let threads of this process spin while nobody else needs their processors."""
    if torch.get_num_threads() == 1:
        return
    over = Event()
    thread = Thread(target=_watch, args=(over, torch.get_num_threads()), daemon=True)
    thread.start()

    @atexit.register
    def end() -> None:
        over.set()
        thread.join()  # a process that ends while threads are within torch is aborted


def crowded(others: float, threads: int, processors: int) -> bool:
    """Whether too few of the `processors` are left to so many `threads` by `others`, who keep so many of them busy."""
    return others > processors - threads + ROOM


@contextmanager
def asleep() -> Iterator[None]:
    """Let threads of this process sleep while they wait."""
    began, ended = Event(), Event()

    def stand_by() -> None:
        usual = torch.get_num_threads()
        torch.set_num_threads(len(_processors()) + 1)  # of this thread alone, which keeps its team until it ends
        torch.zeros(SPREAD).add_(1)
        torch.set_num_threads(usual)
        began.set()
        ended.wait()

    thread = Thread(target=stand_by, daemon=True)
    thread.start()
    began.wait()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _watch(over: Event, threads: int) -> None:
    processors, sleeps = _processors(), False
    psutil.cpu_percent(percpu=True)
    own, began = time.process_time(), time.perf_counter()
    with ExitStack() as sleeping:
        while not over.wait(LOOK):
            shares = psutil.cpu_percent(percpu=True)  # since it was asked last
            if processors[-1] < len(shares):  # else of a container that counts its own from 0
                shares = [shares[place] for place in processors]
            before = own, began
            own, began = time.process_time(), time.perf_counter()
            others = sum(shares) / 100 - (own - before[0]) / (began - before[1])
            if crowded(others, threads, len(processors)) is not sleeps:
                sleeps = not sleeps
                if sleeps:
                    sleeping.enter_context(asleep())
                else:
                    sleeping.close()


def _processors() -> list[int]:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))
