"""`store repair`: broken files are set aside, and what can be read of them stays."""

import argparse

from store import hdf5
from store.errors import printable
from store.settings import Settings


def add_arguments(parser: argparse.ArgumentParser, defaults: Settings) -> None:
    """Add no options: the command takes the store alone."""


def run(given: argparse.Namespace) -> int:
    """Print what became of each broken file; return 1 if one was left as it is."""
    left = 0
    for done in hdf5.repair(given.store):
        for problem in done.problems:
            print(f"{printable(done.path)}: {printable(str(problem))}")
        left += done.aside is None
        kept = f"kept {printable(', '.join(done.kept))}" if done.kept else "kept nothing"
        print("  left as it is" if done.aside is None else f"  set aside as {done.aside}, {kept}")
    print(f"{sum(1 for _ in hdf5.paths(given.store))} files are in the store")
    return 1 if left else 0
