"""The command that works on the queue: `worker`."""

import argparse
import os
import signal
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event

from compute.commands import arguments
from store.settings import Settings


def add(commands, defaults: Settings) -> None:
    """Add the command to the subparsers `commands`."""
    worker = commands.add_parser("worker", help="work on the jobs of a store, until it is stopped")
    arguments.add_store(worker, defaults)
    arguments.add_device(worker, defaults)
    place = worker.add_mutually_exclusive_group()
    place.add_argument(
        "--local", type=int, metavar="N", help="processes of this machine (default: one for each GPU, or one)"
    )
    place.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask scheduler, as tcp://HOST:8786")
    place.add_argument("--slurm", type=Path, metavar="FILE", help="start jobs of Slurm as this file says")
    worker.add_argument("--until-empty", action="store_true", help="end when no job waits")
    worker.set_defaults(command=_worker, model=os.path.expanduser(defaults.model))


def _worker(given: argparse.Namespace) -> int:
    from compute.cluster.worker import Worker
    from store import hdf5

    hdf5.check_writable(given.store)
    stop = Event()
    with _pool(given) as pool:
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, lambda *_: stop.set())
        worker = Worker(given.store, pool, given.cache, given.device)
        print(f"worker {worker.name} takes the jobs of {given.store}, on {pool.about}; Ctrl-C ends it", flush=True)
        ready = "" if given.slurm or given.until_empty else given.model
        for line in worker.work(stop, given.until_empty, ready):
            print(line, flush=True)
    return 0


def _pool(given: argparse.Namespace) -> AbstractContextManager:
    from compute.cluster import pool

    if given.scheduler:
        return pool.remote(given.scheduler)
    return pool.slurm(given.slurm) if given.slurm else pool.local(given.local)
