"""What the command line asks of a model: the options of `run`, `study` and `submit`."""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from store.errors import InputError
from store.jobs import JobSpec
from store.jobs.choice import LAYERS, PARTS, QUANTIZATIONS, ModelChoice
from store.jobs.specification import DTYPES, IMAGES, NOISES
from store.pid import measures
from store.prompts.conditions import all_pairs
from store.settings import Settings


def add_store(sub: argparse.ArgumentParser, defaults: Settings) -> None:
    """Where the results lie."""
    sub.add_argument("--store", type=Path, default=defaults.store, help="folder of the results (default: %(default)s)")


def add_model(sub: argparse.ArgumentParser, defaults: Settings) -> None:
    """Which model is asked, and in which precision."""
    about = "known name, hub id, folder or .safetensors file (default: %(default)s)"
    sub.add_argument("--model", type=os.path.expanduser, default=defaults.model, help=about)
    sub.add_argument("--revision", help="revision of a hub model")
    lora = (
        "add a LoRA, a .safetensors file or a hub id, with a weight other than 1 if need be; may be given several times"
    )
    sub.add_argument("--lora", action="append", default=[], metavar="FILE_OR_ID[:WEIGHT]", help=lora)
    learned = "add the learned words of a .safetensors file (textual inversion); may be given several times"
    sub.add_argument("--embedding", action="append", default=[], metavar="FILE", help=learned)
    sub.add_argument("--size", metavar="WIDTHxHEIGHT", help="of images in pixels (default: that of the training)")
    sub.add_argument("--variant", help="form of the weights where there are several, as fp16")
    single = "known name, hub id or folder of the pipeline whose configuration a model in a single file has"
    sub.add_argument("--config", metavar="MODEL", help=single)
    less = "weights in fewer bits, which changes what is predicted a little: int8 by torchao, nf4 by bitsandbytes"
    sub.add_argument("--quantize", choices=QUANTIZATIONS, help=less)
    moved = sub.add_mutually_exclusive_group()
    parts = "keep weights in the computer's memory and bring each part of the model to the GPU as it is needed"
    moved.add_argument("--offload", action="store_const", const=PARTS, help=parts)
    layers = "bring each layer to the GPU as it is needed: much slower, for models whose largest part does not fit"
    moved.add_argument("--offload-layers", dest="offload", action="store_const", const=LAYERS, help=layers)
    sub.add_argument(
        "--dtype",
        choices=DTYPES,
        help="default: the fastest that agrees with float32 within half a standard error",
    )
    add_store(sub, defaults)


def add_device(sub: argparse.ArgumentParser, defaults: Settings) -> None:
    """Where it computes."""
    sub.add_argument("--device", help="default: cuda where there is one, else cpu")
    sub.set_defaults(cache=defaults.cache)


def add_prompt(run: argparse.ArgumentParser) -> None:
    """What is asked about one prompt."""
    run.add_argument("--prompt", required=True)
    words = run.add_mutually_exclusive_group(required=True)
    words.add_argument("--pair", nargs=2, metavar=("A", "B"), help="two words of the prompt")
    words.add_argument("--probe", nargs=2, metavar=("A", "B"), help="two words that need not be in the prompt")
    words.add_argument(
        "--all-pairs", nargs="*", metavar="WORD", help="every pair of these words, or of all words of the prompt"
    )
    run.add_argument("--seeds", type=int, default=IMAGES, help="number of images (default: %(default)s)")
    run.add_argument("--image", type=Path, help="measure about this picture instead of generated ones")
    guided = "of image generation; 1: the model's own distribution (default: what its pipeline is usually drawn with)"
    run.add_argument("--guidance", type=float, help=guided)
    run.add_argument(
        "--noises", type=int, default=NOISES, help="per image, at most: 64 draft, 256 result (default: %(default)s)"
    )
    run.add_argument(
        "--target-se", type=float, help="stop an image at this relative standard error of I(both), as 0.05"
    )
    run.add_argument("--estimator", choices=measures.ESTIMATORS, default=measures.ORTHOGONAL)
    run.add_argument(
        "--measure", default=measures.DEFAULT, help=f"{', '.join(measures.MEASURES)} (default: %(default)s)"
    )
    run.add_argument("--surprisals", nargs=2, type=float, metavar=("H1", "H2"), help="of the words, in nats, for pm")


def add_study(study: argparse.ArgumentParser) -> None:
    """Which study, and what of it."""
    study.add_argument("study", help="name of one (see `python -m store studies`), or a .toml file")
    study.add_argument("--limit", type=int, metavar="N", help="only its first N subjects or sentences")
    study.add_argument("--seeds", type=int, metavar="N", help="images of each prompt (default: what it says)")
    study.add_argument("--noises", type=int, metavar="N", help="per image, at most (default: what it says)")
    study.add_argument("--guidance", type=float, help="of image generation (default: what it says, else the usual one)")
    narrowest = "for as many evaluations, take the images and noises with the narrowest intervals of means"
    study.add_argument("--narrowest", action="store_true", help=f"{narrowest}, from what the store has of the study")


def model_of(given: argparse.Namespace) -> str:
    """Return the model with what is added to it, in one text that jobs carry; raises InputError if that is wrong."""
    options = {name: getattr(given, name) for name in ("size", "variant", "quantize", "offload", "config")}
    choice = ModelChoice.of(given.model, given.lora, given.embedding, **options)
    loras = tuple(lora if lora.hub_id else replace(lora, file=_anywhere(lora.file)) for lora in choice.loras)
    config = _anywhere(choice.config) if Path(choice.config).expanduser().is_dir() and choice.config else choice.config
    return str(replace(choice, loras=loras, embeddings=tuple(map(_anywhere, choice.embeddings)), config=config))


def _anywhere(file: str) -> str:
    return str(Path(file).expanduser().absolute())


def of_prompt(given: argparse.Namespace) -> JobSpec:
    """Return what the options of `add_prompt` ask for.

    Raises
    ------
    InputError: a word of `--all-pairs` is not in the prompt.
    """
    pairs = [tuple(given.pair)] if given.pair else []
    if given.all_pairs is not None:
        pairs = [pair.words for pair in all_pairs(given.prompt, given.all_pairs)]
    return JobSpec(
        model=model_of(given),
        prompt=given.prompt,
        pairs=tuple(pairs),
        probes=(tuple(given.probe),) if given.probe else (),
        images=given.seeds,
        noises=given.noises,
        target=given.target_se,
        guidance=given.guidance,
        estimator=given.estimator,
        measure=given.measure,
        surprisals=tuple(given.surprisals) if given.surprisals else None,
        picture=given.image.name if given.image else "",
        revision=given.revision,
        dtype=given.dtype,
    )


def of_study(given: argparse.Namespace) -> JobSpec:
    """Return what the options of `add_study` ask for; says on standard error what `--narrowest` chose.

    Raises
    ------
    InputError: `--narrowest` without results of the study, or the study cannot be read.
    """
    spec = JobSpec(
        model=model_of(given),
        study=given.study,
        limit=given.limit,
        images=given.seeds,
        noises=given.noises,
        guidance=given.guidance,
        revision=given.revision,
        dtype=given.dtype,
    )
    return _narrowest(spec, given.store) if given.narrowest else spec


def _narrowest(spec: JobSpec, root: Path) -> JobSpec:
    from store.catalogue import Catalogue
    from store.jobs import allocation

    known = allocation.spread_of(Catalogue(root), Path(spec.study).stem, spec.model)
    if known is None:
        why = f"fewer than {allocation.CELLS} of its prompts have several images in the store"
        raise InputError(f"--narrowest: study {spec.study}", why, "compute some of it first, as with --limit 4")
    chosen = allocation.allocate(known, spec.requests(root))
    print(chosen.sentence, file=sys.stderr)
    return chosen.of(spec)
