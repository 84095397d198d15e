"""`store studies`: the studies that ship and those beside the store."""

import argparse
import sys

from store import studies
from store.errors import InputError
from store.settings import Settings


def add_arguments(parser: argparse.ArgumentParser, defaults: Settings) -> None:
    """Add no options: the command takes the store alone."""


def run(given: argparse.Namespace) -> int:
    """List name, kind, size and title of each study; return 1 if a file holds none, which is named."""
    wrong = 0
    for name in studies.names(given.store):
        try:
            study = studies.load(name, given.store)
        except InputError as error:
            wrong = 1
            print(f"error: {error}", file=sys.stderr)
        else:
            model = f" ({study.model})" if study.model else ""
            print(f"{name:24} {study.kind:13} {study.size:4}  {study.title}{model}")
    return wrong
