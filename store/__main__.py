"""`python -m store`: reads and looks after a store of results. Each command has a module in `store.commands`.

A command exits with 0 only when all that was asked for is there and sound.
"""

import argparse
import sys
from importlib import import_module
from typing import NamedTuple

from store import settings
from store.commands.common import add_store, check_store
from store.errors import DiffusionPIDError, InputError


class Command(NamedTuple):
    """A command: the module with its `add_arguments` and `run`, and one line of help."""

    module: str
    help: str
    reads_store: bool = True  # whether the store must be there


COMMANDS = {
    "ls": Command("ls", "list what is there, newest first"),
    "show": Command("show", "print everything about one prompt"),
    "check": Command("check", "read every file and compare it with the format"),
    "repair": Command("repair", "set aside what is broken, and keep what can be read of it"),
    "reindex": Command("reindex", "build the catalogue anew from the files"),
    "export": Command("export", "write a selection into one file"),
    "condense": Command("condense", "copy a selection into a small store, to be carried and read"),
    "import": Command("import_bundle", "take what an exported file or a single result file holds", reads_store=False),
    "studies": Command("studies", "list the studies that can be asked for", reads_store=False),
    "table": Command("table", "print the table of a study, with intervals over seeds"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code. What a person can mend is one line on standard error."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # text of files and arguments may be no characters
    for problem in settings.problems():
        print(f"warning: {problem}", file=sys.stderr)
    try:
        _check_values(arguments)
        given = parser(arguments, settings.load()).parse_args(arguments)
        if COMMANDS[given.command].reads_store:
            check_store(given.store)
        return given.run(given)
    except DiffusionPIDError as error:
        return _failed(str(error))
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        return _failed(f"{error.filename or 'the system'}: {error.strerror or error}; choose another place")
    except MemoryError:
        return _failed("memory: there is not enough of it; ask for less at once")


def parser(arguments: list[str], defaults: settings.Settings) -> argparse.ArgumentParser:
    """Return the parser of all commands, with the options of the one that `arguments` name.

    Only the module of that command is imported: tables take a second to load.
    """
    described = "Reads and looks after a store of results."
    found = argparse.ArgumentParser(prog="python -m store", description=described)
    commands = found.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name, command in COMMANDS.items():
        text = command.help
        sub = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name in arguments[:1]:
            module = import_module(f"store.commands.{command.module}")
            add_store(sub, defaults)
            module.add_arguments(sub, defaults)
            sub.set_defaults(run=module.run)
    return found


def _check_values(arguments: list[str]) -> None:
    """Raise an InputError for a NUL, and for an option whose value is two dashes, which argparse takes for a list."""
    for argument in arguments:
        if "\0" in argument:
            raise InputError("an argument", "it holds a NUL, as no name does", "take it out")
        if argument.startswith("-") and argument.endswith("=--"):
            raise InputError(f"option {argument}", "two dashes are no value", "give another")


def _failed(reason: str) -> int:
    print(f"error: {reason}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
