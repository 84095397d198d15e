"""`store import`: what an exported file or a single result file holds is added; what the store has already stays."""

import argparse
import sys
from pathlib import Path

from store import hdf5
from store.errors import printable
from store.settings import Settings


def add_arguments(parser: argparse.ArgumentParser, defaults: Settings) -> None:
    """Add the options of the command."""
    parser.add_argument("file", type=Path, help="from `export --h5`, or a result file of another store")


def run(given: argparse.Namespace) -> int:
    """Add what is sound and print what is not; return 1 if anything was left out."""
    runs = left_out = 0
    for prompt, wrong in hdf5.read_bundle(given.store, given.file):
        runs += 1
        left_out += len(wrong)
        for problem in wrong:
            print(f"error: {prompt!r}: {printable(str(problem))}", file=sys.stderr)
    print(f"{runs} prompts read, {left_out} parts of them left out")
    return 1 if left_out else 0
