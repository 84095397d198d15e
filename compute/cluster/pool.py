"""Where work items are measured: processes of this machine, a Dask scheduler that runs already, or jobs of Slurm."""

import logging
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import torch
from distributed import Client, LocalCluster
from distributed.security import Security

from store.errors import InputError

if TYPE_CHECKING:
    from dask_jobqueue import SLURMCluster

KILLS = 3  # of processes by one work item, after which it has failed
PATIENCE = 30  # seconds for a scheduler to answer
ROOT = Path(__file__).parents[2]
SETTINGS = {
    "distributed.scheduler.allowed-failures": KILLS - 1,
    "distributed.scheduler.worker-saturation": 1.0,  # what waits, waits here, where a more urgent job can pass it
    "distributed.deploy.lost-worker-timeout": "1000 h",  # else one that is restarting at that moment is closed for good
    "distributed.worker.profile.enabled": False,  # it looks at every stack a hundred times a second
    "distributed.logging.distributed": "error",
}
CLOSED: dict[str, Any] = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}


@dataclass
class Pool:
    """Workers behind a Dask client; `cluster`, if it is there, is started when there is work and ended when not."""

    client: Client
    about: str
    cluster: "SLURMCluster | None" = None
    most: int = 0
    wanted: bool = False

    @property
    def slots(self) -> int:
        """Units that can be measured at once, as things stand: one in each process, as its model is shared.

        Raises
        ------
        InputError: the scheduler is gone.
        """
        try:
            return len(self.client.nthreads())
        except (OSError, TimeoutError) as error:
            raise InputError("Dask", "its scheduler does not answer any more", "start it, then the worker") from error

    def want(self, wanted: bool) -> None:
        """Say whether there is work."""
        if self.cluster and wanted != self.wanted:
            self.cluster.scale(jobs=self.most if wanted else 0)
        self.wanted = wanted


@contextmanager
def local(count: int | None = None) -> Iterator[Pool]:
    """Start processes of this machine: `count` of them, else one for each GPU, or one that has all processors.

    They and their scheduler talk over TLS, with a certificate that is made here and never leaves them: whoever reaches
    a scheduler can have code run as its user, and ports of one machine are open to all its users.

    Raises
    ------
    InputError: there are to be none, or they cannot be started.
    """
    if count is not None and count < 1:
        raise InputError(f"--local {count}", "less than one process", "give 1 or more")
    devices = torch.cuda.device_count()
    count = count or devices or 1
    threads = os.environ.get("OMP_NUM_THREADS") or max(1, (os.cpu_count() or 1) // count)
    environment = {f"{library}_NUM_THREADS": threads for library in ("OMP", "MKL", "OPENBLAS")}
    with (
        _environment_kept(),
        dask.config.set(SETTINGS | CLOSED | {"distributed.nanny.pre-spawn-environ": environment}),
        _local_cluster(count) as cluster,
        Client(cluster) as client,
    ):
        kind = "GPU" if devices else "CPU"
        yield Pool(client, f"{count} {kind} process{'es' if count > 1 else ''} of this machine")


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Undo what Dask changes in this process for those that it starts."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before:
            del os.environ[name]
        os.environ.update(before)


def _local_cluster(count: int) -> LocalCluster:
    try:
        return LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
            memory_limit=0,
            protocol="tls://",
            security=Security.temporary(),
            silence_logs=logging.ERROR,
        )
    except (RuntimeError, OSError, TimeoutError) as error:
        cause = f"they cannot be started ({' '.join(str(error).split()) or type(error).__name__})"
        mend = "make room for them, or start fewer by --local, in a folder that is there"
        raise InputError("processes of this machine", cause, mend) from error


@contextmanager
def remote(address: str) -> Iterator[Pool]:
    """The workers of the Dask scheduler at `address`; raises InputError if it does not answer."""
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError, TimeoutError) as error:
        cause = " ".join(str(error).split()) or "no answer"
        raise InputError(
            f"scheduler {address}", cause, "start it by `dask scheduler`, or correct the address"
        ) from error
    with client:
        yield Pool(client, f"the workers of {address}")


@contextmanager
def slurm(file: Path) -> Iterator[Pool]:
    """Jobs of Slurm as `file` describes them, there as long as there is work; raises InputError if it is wrong."""
    with dask.config.set(SETTINGS):
        cluster, most = slurm_cluster(file)
        with cluster, Client(cluster) as client:
            yield Pool(client, f"up to {most} jobs of Slurm", cluster, most)


def slurm_cluster(file: Path) -> tuple["SLURMCluster", int]:
    """The cluster of `file` before any of its jobs is submitted, and how many there may be at once.

    The file is TOML: `jobs`, and under [job] whatever `dask_jobqueue.SLURMCluster` takes.

    Raises
    ------
    InputError: the file cannot be read or used.
    """
    from dask_jobqueue import SLURMCluster

    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
        job, most = dict(values.pop("job")), int(values.pop("jobs"))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{file}", f"cannot be used ({error!r})", "see docs/deploy.md") from error
    if values:
        raise InputError(f"{file}: {', '.join(values)}", "no such key here", "write jobs = N and a section [job]")
    prologue = [f"cd {ROOT}", f"export PYTHONPATH={ROOT}", *job.pop("job_script_prologue", [])]
    options = {"dashboard": False, "dashboard_address": ":0"}
    usual: dict[str, Any] = {"cores": 1, "processes": 1, "scheduler_options": options}
    try:
        return SLURMCluster(**usual | job, job_script_prologue=prologue), most
    except (ValueError, TypeError) as error:
        raise InputError(f"{file}: job", " ".join(str(error).split()), "see docs/deploy.md") from error
