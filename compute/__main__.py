"""Commands of `python -m compute`; each exits with 0 only when all that was asked is there."""

import argparse
import os
import sys
import warnings

from compute.commands import maintenance, queue, run, worker
from store import settings
from store.errors import DiffusionPIDError

EXIT_TROUBLE = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a trouble that a person can mend is one line on standard error."""
    _quiet()
    try:
        given = _parser(settings.load()).parse_args(arguments)
        return given.command(given)
    except DiffusionPIDError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_TROUBLE
    except KeyboardInterrupt:
        print("stopped; nothing half-written was left", file=sys.stderr)
        return 130


def _parser(defaults: settings.Settings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m compute", description="Computes information maps into a store.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for topic in (run, queue, worker):
        topic.add(commands, defaults)
    maintenance.add(commands)
    return parser


def _quiet() -> None:
    """Keep the libraries' notices out of the commands' output; to be called before they are imported."""
    for library in ("TRANSFORMERS", "DIFFUSERS"):
        os.environ.setdefault(f"{library}_VERBOSITY", "error")
    warnings.filterwarnings("ignore", module="huggingface_hub|diffusers|transformers")


if __name__ == "__main__":
    sys.exit(main())
