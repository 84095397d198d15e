"""Commands of `python -m compute`; each exits with 0 only when all that was asked is there."""

import argparse
import io
import os
import sys
import warnings

from compute.commands import maintenance, queue, recognise, run, worker
from store import settings
from store.errors import DiffusionPIDError

EXIT_TROUBLE = 2
EXIT_PIPE = 141  # as of a process that the signal PIPE ended


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a trouble that a person can mend is one line on standard error."""
    _quiet()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for what came in as bytes that are no text
    for problem in settings.problems():
        print(f"warning: {problem}", file=sys.stderr)
    try:
        given = _parser(settings.load()).parse_args(arguments)
        code = given.command(given)
        sys.stdout.flush()
        return code
    except DiffusionPIDError as error:
        return _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains while it ends
        return EXIT_PIPE
    except OSError as error:
        name = f"{str(error.filename)[:200]}: " if error.filename else ""
        return _fail(f"{name}{error.strerror or error}; give another file or folder, or make room there")
    except MemoryError:
        return _fail("memory: it does not suffice; ask for less at once")
    except KeyboardInterrupt:
        print("stopped; nothing half-written was left", file=sys.stderr)
        return 130


def _fail(text: str) -> int:
    print(f"error: {text}", file=sys.stderr)
    return EXIT_TROUBLE


def _parser(defaults: settings.Settings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m compute", description="Computes information maps into a store.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for topic in (run, queue, worker, recognise):
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
