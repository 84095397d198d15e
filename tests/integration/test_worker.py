"""Workers in real processes: units come back once each, whatever dies; jobs are passed, cancelled and tried again."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread

import numpy as np
import psutil
import pytest
from distributed import Client, LocalCluster
from distributed.comm import connect
from distributed.security import Security

from compute.__main__ import main
from compute.cluster import pool as pools
from compute.cluster.pool import KILLS
from compute.cluster.worker import Worker, _trouble
from store import hdf5
from store.jobs import LATER, SOON, JobSpec, Queue, State
from store.prompts import model_cards
from tests import pipelines
from tests.budget import rounds, soak
from tests.conftest import ROOT

PATIENCE = 300  # seconds, on a busy machine
LONG = """
title = "Two cats"
question = "What fails by itself?"
kind = "pairs"
[[sentence]]
prompt = "a cat and a dog"
pair = ["cat", "dog"]
group = "short"
[[sentence]]
prompt = "a bird and a fish and many other animals that stand around them in a wide green field under the evening sun"
pair = ["bird", "fish"]
group = "long"
"""


def wait_for(what, patience=PATIENCE):
    """The first true answer of `what`."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not come about")


@pytest.fixture(scope="module")
def study(epsilon_folder):
    """6 images of 3 prompts."""
    return JobSpec(str(epsilon_folder), study="gender", limit=1, images=2, noises=128, dtype="float32")


@pytest.fixture(scope="module")
def pair(epsilon_folder):
    """One image."""
    return JobSpec(str(epsilon_folder), "a red cat", (("red", "cat"),), images=1, noises=16, dtype="float32")


@pytest.fixture(scope="module")
def pool():
    """One Dask process with a model, for all tests here; it leaves the environment of this one as it was."""
    before = os.environ.get("MKL_NUM_THREADS")
    with pools.local(1) as pool:
        yield pool
    assert os.environ.get("MKL_NUM_THREADS") == before


@contextmanager
def working(root, pool, cache):
    """A worker on the jobs of `root`, which is told to stop at the end; the lines that it says."""
    stop, said = Event(), []

    def work():
        said.extend(Worker(root, pool, cache).work(stop))

    thread = Thread(target=work)
    thread.start()
    try:
        yield said
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def process_of_units(parent):
    """The Dask process under `parent` that measures."""
    return next(child for child in parent.children(recursive=True) if "spawn_main" in " ".join(child.cmdline()))


def seeds_by_file(root):
    """What is in the store; every file is sound and has every image once."""
    found = {}
    for path in hdf5.paths(root):
        assert hdf5.problems(path) == []
        record = hdf5.read(path)
        assert all(len(set(result.seeds)) == len(result.seeds) for result in record.pairs)
        found[record.key.prompt] = record.seeds
    return found


def test_an_urgent_job_passes_a_study_which_is_cancelled_and_tried_again(tmp_path, pool, study, pair):
    root, queue = tmp_path / "store", Queue(tmp_path / "store")
    long = queue.submit(study, "Ada", LATER)
    with working(root, pool, tmp_path):
        wait_for(lambda: queue.job(long).progress.done >= 1)
        before = queue.job(long).progress.done
        short = queue.submit(pair, "Ben", SOON)
        wait_for(lambda: queue.job(short).state == State.DONE)
        assert queue.job(long).state == State.RUNNING
        assert queue.job(long).progress.done - before <= 3  # what was in flight, and a report late
        asked = time.monotonic()
        queue.cancel(long)
        wait_for(lambda: queue.job(long).state == State.CANCELLED)
        assert time.monotonic() - asked < 60
        kept = sum(map(len, seeds_by_file(root).values()))
        assert queue.job(long).progress.done < 6
        queue.retry(long)
        done = wait_for(lambda: (job := queue.job(long)).state == State.DONE and job)
    assert done.progress.done == done.progress.units == 6 and not done.progress.failed
    assert done.progress.fresh == 7 - kept
    assert sorted(seeds_by_file(root).values()) == [(0,), *[(0, 1)] * 3]
    pace, (card,) = queue.pace(study.model), map(model_cards.load, model_cards.paths(root))
    assert pace.rate > 0 and pace.size > 0
    assert (card.source, card.token_limit, card.vocabulary) == (study.model, 75, None)


def test_a_dask_process_killed_again_and_again_costs_its_units_alone(tmp_path, pool, study):
    root, queue = tmp_path / "store", Queue(tmp_path / "store")
    number = queue.submit(study, "Ada")
    with working(root, pool, tmp_path):
        for done in (1, 2, 4)[: rounds(1, 3)]:
            wait_for(lambda done=done: queue.job(number).progress.done >= done)
            process_of_units(psutil.Process()).kill()
        job = wait_for(lambda: (job := queue.job(number)).state == State.DONE and job)
    assert (job.progress.done, job.progress.fresh, job.progress.failed) == (6, 6, 0)
    assert set(seeds_by_file(root).values()) == {(0, 1)} and len(seeds_by_file(root)) == 3


def test_what_cannot_be_measured_is_said_and_the_rest_is(tmp_path, pool, pair):
    root, queue = tmp_path / "store", Queue(tmp_path / "store")
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "cats.toml").write_text(LONG)
    cats = queue.submit(JobSpec(pair.model, study="cats", images=1, noises=16, dtype="float32"), "Ada")
    unknown = queue.submit(replace(pair, model="no-such-model"), "Ada")
    with working(root, pool, tmp_path):
        wait_for(lambda: queue.job(unknown).state == State.FAILED)
        job = wait_for(lambda: (job := queue.job(cats)).state == State.FAILED and job)
        assert job.reason == "1 of 2 images could not be measured"
        (failure,) = queue.failures(cats)
        assert failure.seed is None and "would cut off" in failure.reason
        assert "use one of embedded" in queue.job(unknown).reason
        assert list(seeds_by_file(root)) == ["a cat and a dog"]
        queue.retry(cats)
        again = wait_for(lambda: (job := queue.job(cats)).state == State.FAILED and job)
    assert (again.progress.done, again.progress.fresh, again.progress.failed) == (1, 0, 1)


def test_a_store_that_takes_nothing_ends_the_job(tmp_path, pool, pair):
    root, queue = tmp_path / "store", Queue(tmp_path / "store")
    number = queue.submit(pair, "Ada")
    (root / "maps").write_text("in the way")
    with working(root, pool, tmp_path):
        job = wait_for(lambda: (job := queue.job(number)).state == State.FAILED and job)
    assert "make room" in job.reason


# as text: a function would have every new process import this module, and torch with it
ENDING = """
import os
with open({!r}, "a") as file:
    file.write("begun\\n")
os._exit(1)
"""


def test_a_unit_that_ends_its_process_again_and_again_has_failed(tmp_path, pool):
    future = pool.client.submit(exec, ENDING.format(str(tmp_path / "report")))
    wait_for(future.done)
    assert f"it ended {KILLS} times" in str(_trouble(future))
    assert (tmp_path / "report").read_text() == "begun\n" * KILLS
    assert pool.client.submit(sum, (1, 2)).result(PATIENCE) == 3


async def answer(address, security):
    """What a scheduler, nanny or process at `address` says of itself to somebody with these certificates."""
    comm = await connect(address, timeout=3, **security.get_connection_args("client"))
    try:
        await comm.write({"op": "identity", "reply": True})
        return await comm.read()
    finally:
        comm.abort()


def test_the_scheduler_of_this_machine_answers_nobody_else(pool):
    for address in (pool.client.scheduler.address, *pool.client.nthreads()):
        assert pool.client.sync(answer, address, pool.client.security)["type"]
        for reached, security in ((address, Security.temporary()), (address.replace("tls:", "tcp:"), Security())):
            with pytest.raises(OSError):  # a certificate that it does not trust; no encryption
                pool.client.sync(answer, reached, security)


def test_weights_that_change_under_a_worker_are_a_revision_of_their_own(tmp_path, pool, pair, epsilon_folder):
    root, queue, model = tmp_path / "store", Queue(tmp_path / "store"), tmp_path / "model"
    shutil.copytree(epsilon_folder, model)
    asked = replace(pair, model=str(model))
    with working(root, pool, tmp_path):
        for weights in (None, pipelines.stable_diffusion(tmp_path / "other", "epsilon", seed=1)):
            if weights:
                shutil.copyfile(
                    weights / "unet" / "diffusion_pytorch_model.safetensors",
                    model / "unet" / "diffusion_pytorch_model.safetensors",
                )
            number = queue.submit(asked, "Ada")
            wait_for(lambda number=number: queue.job(number).state == State.DONE)
    records = [hdf5.read(path) for path in hdf5.paths(root)]
    assert len({record.key.revision for record in records}) == 2
    assert not np.array_equal(records[0].latents, records[1].latents)


def test_killed_workers_are_followed_by_others(tmp_path, pool, study):
    root, queue = tmp_path / "store", Queue(tmp_path / "store")
    number = queue.submit(study, "Ada")
    command = [sys.executable, "-m", "compute", "worker", "--store", str(root), "--until-empty"]
    kills = rounds(1, 3)
    for killed in range(1, kills + 1):
        kept = sum(map(len, seeds_by_file(root).values()))
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as worker:
            wait_for(lambda kept=kept: sum(map(len, seeds_by_file(root).values())) > kept)
            child = process_of_units(psutil.Process(worker.pid))
            worker.kill()
        wait_for(lambda child=child: queue.job(number).state == State.QUEUED and not child.is_running())
        assert sum("its worker ended" in text for _, text in queue.log(number)) == killed - 1  # seen by the next one
    kept = sum(map(len, seeds_by_file(root).values()))
    with working(root, pool, tmp_path):
        job = wait_for(lambda: (job := queue.job(number)).state == State.DONE and job)
    assert (job.progress.done, job.progress.fresh) == (6, 6 - kept)
    assert sum("its worker ended" in text for _, text in queue.log(number)) == kills
    assert set(seeds_by_file(root).values()) == {(0, 1)}


@contextmanager
def in_this_process(tmp_path):
    """A Dask scheduler with a worker that measures, as threads."""
    with LocalCluster(1, processes=False, threads_per_worker=1, protocol="tcp", dashboard_address=None) as cluster:
        yield cluster.scheduler_address


@contextmanager
def of_the_command_line(tmp_path):
    """A Dask scheduler and a process that measures, both started as one starts them."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    file = tmp_path / "scheduler.json"
    there = ["--scheduler-file", str(file)]
    started = [["scheduler", *there, "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]]
    started += [["worker", *there, "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard"]]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "dask", *part], env=environment, stderr=subprocess.DEVNULL, cwd=tmp_path
        )
        for part in started
    ]
    try:
        wait_for(file.exists)
        with Client(scheduler_file=str(file)) as client:
            client.wait_for_workers(1, PATIENCE)
            yield client.scheduler.address
    finally:
        for process in processes:
            process.kill()  # none of them has anything to lose
        for process in processes:
            process.wait(PATIENCE)


@pytest.fixture(params=[in_this_process, pytest.param(of_the_command_line, marks=soak)])
def scheduler(request, tmp_path):
    """The address of a Dask scheduler of its own."""
    with request.param(tmp_path) as address:
        yield address


def test_two_workers_on_a_scheduler_elsewhere_bring_the_numbers_of_a_local_run(tmp_path, scheduler, epsilon_folder):
    root, here, queue = tmp_path / "store", tmp_path / "here", Queue(tmp_path / "store")
    prompts = {"a red cat": ("red", "cat"), "a blue dog": ("blue", "dog")}
    for prompt, words in prompts.items():
        queue.submit(JobSpec(str(epsilon_folder), prompt, (words,), images=2, noises=32, dtype="float32"), "Ada")
        asked = ["run", "--model", str(epsilon_folder), "--prompt", prompt, "--pair", *words, "--dtype", "float32"]
        assert main([*asked, "--seeds", "2", "--noises", "32", "--store", str(here)]) == 0
    with (
        pools.remote(scheduler) as one,
        pools.remote(scheduler) as two,
        working(root, one, tmp_path),
        working(root, two, tmp_path),
    ):
        wait_for(lambda: all(job.state == State.DONE for job in queue.jobs()))
        assert len({job.worker for job in queue.jobs()}) == 2
    local = {path.name: hdf5.read(path) for path in hdf5.paths(here)}
    far = {path.name: hdf5.read(path) for path in hdf5.paths(root)}
    assert local.keys() == far.keys() and len(far) == 2
    for name, record in far.items():
        here_too = local[name]
        latents = dict(zip(record.seeds, record.latents, strict=True))  # images are stored in the order they came in
        np.testing.assert_array_equal([latents[seed] for seed in here_too.seeds], here_too.latents)
        pair = record.pairs[0].of_seeds(here_too.pairs[0].seeds)
        for mode in ("pid", "cpid"):
            found, expected = (one.decomposition(mode)["both"].total for one in (pair, here_too.pairs[0]))
            np.testing.assert_allclose(found, expected, rtol=1e-6)
