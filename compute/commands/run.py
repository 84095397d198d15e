"""The commands that compute in their own process: `run` and `study`."""

import argparse
import json
import sys

from compute.commands import arguments, output
from store.jobs import Picture, Wanted
from store.pid.information import LEVELS
from store.records import RunRecord
from store.settings import Settings


def add(commands, defaults: Settings) -> None:
    """Add the commands to the subparsers `commands`."""
    run = commands.add_parser("run", help="one prompt, a pair of words or all of them, several images")
    arguments.add_model(run, defaults)
    arguments.add_device(run, defaults)
    arguments.add_prompt(run)
    run.add_argument("--level", choices=tuple(LEVELS), default="pixel", help="of the totals printed: %(default)s")
    run.add_argument("--json", action="store_true", help="print the totals as JSON")
    run.set_defaults(command=_run)

    study = commands.add_parser("study", help="all prompts of a study; what is there already is left out")
    arguments.add_model(study, defaults)
    arguments.add_device(study, defaults)
    arguments.add_study(study)
    study.set_defaults(command=_study)


def _run(given: argparse.Namespace) -> int:
    from tqdm import tqdm

    from compute import engine
    from compute.planning.request import requests

    wanted = arguments.of_prompt(given)
    picture = Picture.read(given.image) if given.image else None
    (request,) = requests(wanted, given.store, given.cache, picture)
    request.check(given.store)
    machine = _machine(given, wanted)
    with tqdm(unit="eval", leave=False, delay=0.1) as bar:
        for step in engine.run(machine, request, given.store):
            if isinstance(step, RunRecord):
                record = step
            elif isinstance(step, engine.Cost):
                output.print_cost(step)
            else:
                bar.total, bar.n = step.total, step.done
                bar.set_description(step.doing)
    results = [result for result in record.pairs if result.pair in request.pairs]
    if given.json:
        print(json.dumps(output.as_json(results, given.level)))
    else:
        output.print_results(record, results, given.level)
    return 0


def _study(given: argparse.Namespace) -> int:
    from tqdm import tqdm

    from compute import engine, study
    from compute.planning.request import requests

    wanted = arguments.of_study(given)
    asked = requests(wanted, given.store, given.cache)
    machine = _machine(given, wanted)
    failed = 0
    with tqdm(unit="eval", unit_scale=True, leave=False, delay=0.1) as bar:
        for step in study.run(machine, asked, given.store):
            if isinstance(step, study.Outlook):
                about = f"{step.prompts} prompts, {step.open} of them open: {step.evaluations:,} evaluations at most"
                print(f"{wanted.title}: {about}", file=sys.stderr)
                bar.reset(step.evaluations)
            elif isinstance(step, study.Failed):
                failed += 1
                tqdm.write(f"error: {step.reason}", file=sys.stderr)
            elif isinstance(step, engine.Progress):
                bar.total, bar.n = step.total, step.done
                bar.set_description(step.doing)
    name = machine.denoiser.name
    print(f"see it by: python -m store table {given.study} --model {name} --store {given.store}")
    return 1 if failed else 0


def _machine(given: argparse.Namespace, wanted: Wanted):
    """The engine of the model asked for; words that it never saw are named."""
    from compute.engine import Engine
    from compute.models import registry
    from store.prompts.conditions import unseen

    denoiser = registry.load(given.model, given.revision, given.dtype, given.device)
    if strange := unseen(wanted.question(given.store).words, denoiser):
        words = ", ".join(map(repr, strange))
        print(
            f"note: model {denoiser.name} was never trained with {words}; what it makes of them is chance",
            file=sys.stderr,
        )
    return Engine(denoiser)
