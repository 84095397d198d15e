"""The commands about the queue: `submit`, `jobs`, `cancel`, `retry`. None of them loads a model."""

import argparse
import getpass
import json
from dataclasses import asdict, replace
from pathlib import Path

from compute.commands import arguments
from store import hdf5
from store.errors import StoreError
from store.jobs import ACTIVE, LATER, SOON, Job, JobSpec, Picture, Queue
from store.jobs.choice import ModelChoice
from store.settings import Settings


def add(commands, defaults: Settings) -> None:
    """Add the commands to the subparsers `commands`."""
    submit = commands.add_parser("submit", help="put into the queue what `run` or `study` would compute")
    kinds = submit.add_subparsers(required=True, metavar="KIND")
    run = kinds.add_parser("run", help="one prompt")
    arguments.add_prompt(run)
    study = kinds.add_parser("study", help="all prompts of a study")
    arguments.add_study(study)
    for sub, wanted, priority in ((run, arguments.of_prompt, SOON), (study, arguments.of_study, LATER)):
        arguments.add_model(sub, defaults)
        sub.add_argument("--priority", type=int, default=priority, help="higher goes first (default: %(default)s)")
        sub.set_defaults(command=_submit, wanted=wanted, image=None)

    jobs = commands.add_parser("jobs", help="what waits, runs and has ended")
    arguments.add_store(jobs, defaults)
    jobs.add_argument("--active", action="store_true", help="only what waits or runs")
    jobs.add_argument("--log", type=int, metavar="ID", help="what happened to one job, and what of it failed")
    jobs.add_argument("--json", action="store_true", help="print a list of objects")
    jobs.set_defaults(command=_jobs)
    for name, text in (("cancel", "stop a job; what is finished stays"), ("retry", "do what a job has not done")):
        sub = commands.add_parser(name, help=text)
        sub.add_argument("number", type=int, metavar="ID")
        arguments.add_store(sub, defaults)
        sub.set_defaults(command=_change, change=name)


def _submit(given: argparse.Namespace) -> int:
    spec = _anywhere(given.wanted(given))
    picture = Picture.read(given.image) if given.image else None
    spec.requests(given.store, picture)  # raises what is wrong with it
    hdf5.check_writable(given.store)
    queue = Queue(given.store, limited=False)
    number = queue.submit(spec, _user(), given.priority, picture.content if picture else None)
    print(f"job {number}: {spec.title}")
    if not queue.workers():
        print(f"no worker is running; start one by: {queue.worker_command}")
    return 0


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may know no user
        return "command line"


def _queue(root: Path) -> Queue:
    """The queue of the store in folder `root`; raises StoreError if there is no such folder."""
    if not root.is_dir():
        raise StoreError(root, "no such folder", "give the --store that jobs were submitted to")
    return Queue(root, limited=False)


def _anywhere(spec: JobSpec) -> JobSpec:
    """The same with whole paths, as a worker may run in another folder."""
    study = str(Path(spec.study).resolve()) if spec.study.endswith(".toml") else spec.study
    choice = ModelChoice.parse(spec.model)
    place = Path(choice.model).expanduser()
    is_here = (place.is_dir() and len(place.parts) > 1) or (place.is_file() and place.suffix == ".safetensors")
    return replace(spec, study=study, model=str(replace(choice, model=str(place.resolve()))) if is_here else spec.model)


def _jobs(given: argparse.Namespace) -> int:
    queue = _queue(given.store)
    if given.log is not None:
        job = queue.job(given.log)
        print("\n".join(f"{written}  {text}" for written, text in queue.log(job.number)))
        return 0
    found = queue.jobs(ACTIVE) if given.active else queue.jobs()
    if given.json:
        print(json.dumps([asdict(job) | {"share": job.share, "seconds_left": job.seconds_left} for job in found]))
        return 0
    for job in found:
        print(_line(job))
    workers = len(queue.workers())
    print("1 worker is running" if workers == 1 else f"{workers} workers are running")
    return 0


def _line(job: Job) -> str:
    progress = job.progress
    failed = f", {progress.failed} failed" if progress.failed else ""
    left = "" if job.seconds_left is None else f", {job.seconds_left / 60:.0f} min left"
    reason = f": {job.reason}" if job.reason else ""
    return (
        f"{job.number:5}  {job.state:10} {progress.done} of {progress.units} images{failed}{left}{reason}  "
        f"{job.wanted.title} ({job.wanted.model}, {job.author}, {job.created[:16]})"
    )


def _change(given: argparse.Namespace) -> int:
    queue = _queue(given.store)
    getattr(queue, given.change)(given.number)
    print(_line(queue.job(given.number)))
    return 0
