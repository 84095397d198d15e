"""What several commands need: options, the catalogue, numbers and text within bounds."""

import argparse
import math
import sys
from pathlib import Path

from tqdm import tqdm

from store.catalogue import Catalogue, Filter
from store.errors import InputError, printable
from store.settings import Settings


def add_store(parser: argparse.ArgumentParser, defaults: Settings) -> None:
    """Add the option --store."""
    parser.add_argument("--store", type=_folder, default=defaults.store, help="default: %(default)s")


def _folder(text: str) -> Path:
    if not text.strip():
        raise argparse.ArgumentTypeError("no folder is named")
    return Path(text)


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that select entries."""
    parser.add_argument("--text", default="", metavar="WORDS", help="only of prompts with words that start so")
    parser.add_argument("--prompt", default="", help="only of this prompt")
    parser.add_argument("--model", default="", help="only of this model")
    parser.add_argument("--study", default="", help="only of this study")


def selection(given: argparse.Namespace) -> Filter:
    """Return the filter that the options of `add_selection` describe."""
    return Filter(text=given.text, prompt=given.prompt, model=given.model, study=given.study)


def finite(text: str) -> float:
    """Return a number from the command line that is neither infinite nor NaN.

    Raises
    ------
    ArgumentTypeError: it is none; argparse says so.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{shortened(text)} is no finite number")
    return number


def shortened(text: str, most: int = 60) -> str:
    """Return how Python writes `text`, cut where it is long."""
    return repr(text if len(text) <= most else f"{text[:most]}...")


def check_store(root: Path) -> None:
    """Raise an InputError if there is no folder `root`."""
    try:
        there = root.is_dir()
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise InputError(f"store {shortened(str(root))}", cause, "give another --store") from error
    if not there:
        cause, mend = "no such folder", "compute something, or give another --store"
        raise InputError(f"store {shortened(str(root), 200)[1:-1]}", cause, mend)


def open_catalogue(root: Path, anew: bool = False) -> Catalogue:
    """Return the catalogue of `root`; while it is built, a bar on standard error shows how far that is."""
    catalogue = Catalogue(root)
    with tqdm(unit="file", leave=False, delay=0.5, disable=None) as bar:
        for done, total in catalogue.rebuild() if anew else catalogue.prepare():
            bar.total = total
            bar.update(done - bar.n)
    return catalogue


def report_broken(catalogue: Catalogue) -> int:
    """Print the files that cannot be used on standard error; return 1 if there are any, else 0."""
    broken = catalogue.broken()
    for path, problem in broken:
        print(f"error: {printable(path)}: {printable(problem)}", file=sys.stderr)
    return 1 if broken else 0


def selected_pairs(catalogue: Catalogue, wanted: Filter) -> dict[Path, set[str]]:
    """Return the names of the pairs that `wanted` means, by file.

    Raises
    ------
    InputError: there are none.
    """
    pairs: dict[Path, set[str]] = {}
    for entry in catalogue.entries(wanted):
        pairs.setdefault(entry.path, set()).add(entry.pair)
    if not pairs:
        raise InputError("selection", "nothing in the store belongs to it", "see `python -m store ls`")
    return pairs
