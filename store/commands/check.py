"""`store check`: every file is read and compared with the format."""

import argparse
import json
from dataclasses import asdict

from tqdm import tqdm

from store import hdf5
from store.errors import printable
from store.settings import Settings


def add_arguments(parser: argparse.ArgumentParser, defaults: Settings) -> None:
    """Add the options of the command."""
    parser.add_argument("--json", action="store_true", help="print a list of objects, one a problem")


def run(given: argparse.Namespace) -> int:
    """Print what is wrong with each file; return 1 if anything is."""
    paths, found = sorted(hdf5.paths(given.store)), []
    for path in tqdm(paths, unit="file", leave=False, delay=0.5, disable=None):
        wrong = hdf5.problems(path)
        found += [{"path": str(path), **asdict(problem)} for problem in wrong]
        if not given.json:
            for problem in wrong:
                print(f"{printable(path)}: {printable(str(problem))}")
    bad = len({problem["path"] for problem in found})
    print(json.dumps(found, indent=1) if given.json else f"{len(paths)} files, {bad} with problems")
    return 1 if found else 0
