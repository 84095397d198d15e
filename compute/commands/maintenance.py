"""Commands about the software itself: `models`, `verify`, `bench`, `train-embedded`."""

import argparse
import dataclasses
import hashlib
import json
import sys
import tempfile
from pathlib import Path

from store import settings
from store.errors import InputError
from store.jobs.specification import DTYPES


def add(commands) -> None:
    """Add the commands to the subparsers `commands`."""
    models = commands.add_parser("models", help="known models and whether their weights are here")
    models.add_argument("--json", action="store_true")
    asked = models.add_mutually_exclusive_group()
    asked.add_argument("--check", metavar="MODEL", help="load a model, measure a pair, and say what works with it")
    asked.add_argument("--verify", metavar="MODEL", help="print the SHA-256 of each file of its weights, read whole")
    asked.add_argument("--document", action="store_true", help="print docs/models.md: every class of diffusers")
    models.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), help="of --check (default: float32)")
    models.add_argument("--device", help="of --check (default: cuda where there is one, else cpu)")
    about = "build the model of --check in its real size, for sd-2.1, sdxl or sd-3.5-medium: what it costs, no download"
    models.add_argument("--random-weights", action="store_true", help=about)
    models.set_defaults(command=_models)

    verify = commands.add_parser("verify", help="hold the estimators against known truth")
    verify.add_argument("--json", action="store_true")
    verify.add_argument(
        "--full", action="store_true", help="also the experiments on the embedded model, from its studies in --store"
    )
    verify.add_argument(
        "--store", type=Path, default=settings.DEMO_STORE, help="of those studies (default: the one that ships)"
    )
    verify.set_defaults(command=_verify)

    bench = commands.add_parser("bench", help="evaluations a second, bare and through the engine, and what they bring")
    bench.add_argument("--model", default="embedded", help="default: %(default)s")
    about = (
        "build the model's denoiser from its configuration, for sd-2.1, sdxl or sd-3.5-medium; only its speed counts"
    )
    bench.add_argument("--random-weights", action="store_true", help=about)
    bench.add_argument("--size", metavar="WIDTHxHEIGHT", help="of images, with --random-weights")
    bench.add_argument("--dtype", choices=DTYPES, default=DTYPES[0], help="of the weights (default: %(default)s)")
    bench.add_argument("--device", help="default: cuda where there is one, else cpu")
    bench.add_argument("--json", action="store_true")
    about = "count evaluations for ten prompts instead of two, and compile the denoiser"
    bench.add_argument("--long", action="store_true", help=about)
    bench.set_defaults(command=_bench)

    train = commands.add_parser("train-embedded", help="train the model that ships, from emoji pictures")
    train.add_argument("--out", type=Path, required=True, help="folder for packages, checkpoints and the model")
    train.add_argument("--minutes", type=float, default=120, help="of two cores, all stages (default: %(default)s)")
    train.add_argument("--start", type=Path, metavar="DIR", help="go on from the pipeline in this folder")
    train.set_defaults(command=_train)


def _models(given: argparse.Namespace) -> int:
    from compute.models.registry import KNOWN

    cache = settings.load().cache
    if given.random_weights and given.check is None:
        raise InputError("--random-weights", "it goes with --check", "name a model: --check sdxl --random-weights")
    if given.check is not None:
        return _check(given, cache)
    if given.verify is not None:
        return _digests(given.verify)
    if given.document:
        from compute.models import survey

        print(survey.document(), end="")
        return 0
    rows = [
        dataclasses.asdict(model)
        | {"present": model.present, "deviation": model.deviation(cache)}
        | {"licence": model.facts.licence, "memory": model.facts.memory, "distilled": model.facts.distilled}
        for model in KNOWN.values()
    ]
    if given.json:
        print(json.dumps(rows))
        return 0
    for row in rows:
        there = "present" if row["present"] else "absent"
        off = "" if row["deviation"] is None else f", as its pipeline within {row['deviation']:.1g}"
        facts = "" if row["name"] == "embedded" else f"; {row['licence']}; {row['memory']:g} GiB in bfloat16"
        distilled = f"; distilled {row['distilled']}" if row["distilled"] else ""
        print(f"{row['name']:14} {there:8} {row['about']}{facts}{distilled}{off}  ({row['source']})")
    return 0


def _digests(model: str) -> int:
    from compute.models import additions, registry
    from store.jobs.choice import ModelChoice

    choice = ModelChoice.parse(model)
    saved = registry.locate(choice.model, None, choice.variant, choice.config)
    weights = [path for part in saved.parts.values() for path in part.weights]
    for path in (*weights, *additions.located(choice).files):
        with path.open("rb") as file:
            print(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path}", flush=True)
    return 0


def _check(given: argparse.Namespace, cache: Path) -> int:
    from compute.checks import models

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        model = _with_random_weights(given, Path(folder)) if given.random_weights else given.check
        for what, said in models.findings(model, given.dtype, given.device, cache):
            found[what] = said
            if not given.json:
                print(f"{what:22} {said}", flush=True)
    if given.json:
        print(json.dumps(found, indent=1))
    return 0


def _with_random_weights(given: argparse.Namespace, folder: Path) -> str:
    """The model that --check names, saved in `folder` with random weights."""
    from compute.checks import random_weights
    from store.jobs.choice import ModelChoice

    choice = ModelChoice.parse(given.check)
    saved = folder / choice.model
    random_weights.save(choice.model, saved, given.dtype or DTYPES[0])
    return str(dataclasses.replace(choice, model=str(saved)))


def _verify(given: argparse.Namespace) -> int:
    from compute.checks import verify
    from compute.embedded import experiments
    from store.catalogue import Catalogue

    rows: list[verify.VerifyRow] = []
    found: list[experiments.Recovered | experiments.Separated] = []
    if given.full:
        catalogue = Catalogue(given.store)
        found = [*experiments.recovered(catalogue), *experiments.separated(catalogue)]
    for row in verify.checks():
        rows.append(row)
        if not given.json:
            print(row.line(), flush=True)
    if given.json:
        print(json.dumps(verify.report(rows, found), indent=1))
    else:
        for one in found:
            print(one.line())
    return 0 if all(row.passed for row in rows) else 1


def _bench(given: argparse.Namespace) -> int:
    from tqdm import tqdm

    from compute.checks import bench
    from store.jobs.choice import ModelChoice

    choice = ModelChoice.of(given.model, size=given.size)
    options = bench.BenchOptions(
        model=choice.model if given.random_weights else str(choice),
        random_weights=given.random_weights,
        size=choice.size,
        dtype=given.dtype,
        device=given.device,
        long=given.long,
    )
    figures = {}
    with tqdm(total=bench.steps(options), leave=False, unit="step") as bar:

        def report(doing: str) -> None:
            bar.set_description(doing)
            bar.update()

        for name, value in bench.measure(options, report):
            figures[name] = value
            if not given.json:
                bar.write(f"{name:70} {value:12.3f}")
    if given.json:
        print(json.dumps(figures))
    return 0


def _train(given: argparse.Namespace) -> int:
    from compute.embedded import card, train

    folder = train.train(given.out, given.minutes, given.start)
    print(f"trained: {folder}; now judged by its own pictures", flush=True)
    judgement = card.write(given.out)
    for name, value in judgement.figures.items():
        print(f"{name:34} {value:6.2f} {card.bar(name)}")
    for name in judgement.missed:
        print(f"error: {name} misses its bar, {card.bar(name)}", file=sys.stderr)
    return 1 if judgement.missed else 0
