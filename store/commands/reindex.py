"""`store reindex`: the catalogue is built anew from the files."""

import argparse

from store.commands.common import open_catalogue, report_broken
from store.settings import Settings


def add_arguments(parser: argparse.ArgumentParser, defaults: Settings) -> None:
    """Add no options: the command takes the store alone."""


def run(given: argparse.Namespace) -> int:
    """Print the number of entries, and files that cannot be used; return 1 if there are such files."""
    catalogue = open_catalogue(given.store, anew=True)
    print(f"{catalogue.count()} entries")
    return report_broken(catalogue)
