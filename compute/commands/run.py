"""The commands that compute in their own process: `run` and `study`."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from compute.commands import arguments, output
from store import hdf5
from store.jobs import Picture, Request
from store.pid.information import LEVELS
from store.settings import Settings

if TYPE_CHECKING:
    from compute.engine import Engine


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
    spec = arguments.of_prompt(given)
    (request,) = spec.requests(given.store, Picture.read(given.image) if given.image else None)
    hdf5.check_writable(given.store)
    engine = _engine(given, [request])
    planned = engine.plan(request, given.store)
    output.print_cost(planned.cost)
    with output.ProgressBar() as bar:
        record = engine.run(planned, given.store, bar.show)
    results = [result for result in record.pairs if result.pair in request.pairs]
    if given.json:
        print(json.dumps(output.as_json(results, given.level)))
    else:
        output.print_results(record, results, given.level)
    return 0


def _study(given: argparse.Namespace) -> int:
    from compute import study

    spec = arguments.of_study(given)
    requests = spec.requests(given.store)
    hdf5.check_writable(given.store)
    engine = _engine(given, requests)
    cost, failed = study.survey(engine, requests, given.store)
    about = f"{cost.prompts} prompts, {cost.open} of them open: {cost.evaluations:,} evaluations at most"
    print(f"{spec.title}: {about}", file=sys.stderr)
    for prompt in failed:
        print(f"error: {prompt.reason}", file=sys.stderr)
    unreadable = {prompt.prompt for prompt in failed}
    possible = [request for request in requests if request.prompt not in unreadable]
    with output.ProgressBar(cost.evaluations) as bar:

        def fail(prompt: study.FailedPrompt) -> None:
            bar.say(f"error: {prompt.reason}")
            failed.append(prompt)

        study.run(engine, possible, given.store, bar.show, fail)
    table = ["python", "-m", "store", "table", given.study, "--model", engine.denoiser.name]
    table += [] if given.guidance is None else ["--guidance", f"{given.guidance:g}"]
    print(f"see it by: {shlex.join([*table, '--store', str(given.store)])}")
    return 1 if failed else 0


def _engine(given: argparse.Namespace, requests: Sequence[Request]) -> "Engine":
    """The engine of the model asked for; words of `requests` that it never saw are named."""
    from compute.engine import Engine
    from compute.models import registry
    from store.prompts.conditions import unseen

    denoiser = registry.load(arguments.model_of(given), given.revision, given.dtype, given.device, given.cache)
    words = " ".join(dict.fromkeys(word for request in requests for word in request.words))
    if strange := unseen(words, denoiser):
        print(
            f"note: model {denoiser.name} was never trained with {', '.join(map(repr, strange))}; "
            "what it makes of them is chance",
            file=sys.stderr,
        )
    cut = (short for request in requests for short in denoiser.cut_off(request.prompt))
    for note in (*denoiser.notes, *dict.fromkeys(cut)):
        print(f"note: model {denoiser.name}: {note}", file=sys.stderr)
    return Engine(denoiser, given.cache if given.dtype is None else None)
