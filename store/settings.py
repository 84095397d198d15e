"""Every setting, once: its name, default and help.

The command line goes before the environment (`DIFFUSIONPID_STORE`, ...), the environment before `diffusionpid.toml` in
the working folder, that file before the default.
"""

import os
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path

from store.errors import NO_CHARACTER, InputError

PREFIX = "DIFFUSIONPID_"
FILE = Path("diffusionpid.toml")
LARGEST, DIGITS = 1 << 20, 15  # bytes of that file, digits of a number
DEMO_STORE = Path(__file__).with_name("demo")
VALIDATION = Path(__file__).with_name("validation.json")  # written by `python -m compute verify --json`


def _setting(default, text: str):
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class Settings:
    """The settings in force. The metadata of each field has its `help`."""

    store: Path = _setting(Path("results"), "folder that holds the results")
    model: str = _setting("embedded", "model that new computations use")
    cache: Path = _setting(
        Path("~/.cache/diffusionpid").expanduser(),
        "folder that remembers what was measured of this machine, and lists stores that cannot be written",
    )
    recogniser: str = _setting("", "folder or hub id of a zero-shot classifier that says what images show")
    read_only: bool = _setting(False, "show results only: nothing can be computed or changed")
    max_evaluations: int = _setting(20_000_000, "most denoiser evaluations that a job from the dashboard may cost")
    max_jobs: int = _setting(50, "most jobs that may wait or run before the dashboard takes no more")


def load(file: Path = FILE) -> Settings:
    """Return the settings from the environment, then `file`, then the defaults.

    A value that cannot be used is left out, see `problems`; where it is `read_only`, that is on.
    """
    return _found(file)[0]


def problems(file: Path = FILE) -> list[InputError]:
    """Return what is wrong with the settings in the environment and in `file`: what `load` left out, and the mend."""
    return _found(file)[1]


def _found(file: Path) -> tuple[Settings, list[InputError]]:
    """The settings that can be used, and what is wrong with the others."""
    known = {entry.name: entry.default for entry in fields(Settings)}
    written, wrong = _written(file)
    for name in written.keys() - known.keys():
        wrong.append(InputError(f"{file}: {name}", "no such setting", f"use one of {', '.join(known)}"))
    given = {name: (f"{file}: {name}", written[name]) for name in known if name in written}
    for name in known:
        variable = PREFIX + name.upper()
        if variable in os.environ:
            given[name] = variable, os.environ[variable]
    values: dict[str, object] = {}
    for name, (where, value) in given.items():
        try:
            values[name] = _parse(where, known[name], value)
        except InputError as error:
            wrong.append(error)
            if name == "read_only":
                values[name] = True
    return Settings(**values), wrong  # type: ignore[arg-type]


def _written(file: Path) -> tuple[dict[str, object], list[InputError]]:
    """What the file says; nothing, and why, if it cannot be read."""
    try:
        if not file.exists():
            return {}, []
        if not file.is_file() or file.stat().st_size > LARGEST:
            raise ValueError("no file of settings")
        return tomllib.loads(file.read_text(encoding="utf-8")), []
    except (OSError, ValueError, RecursionError) as error:
        return {}, [InputError(str(file), f"not valid TOML ({error})", "correct that line")]


def _parse(where: str, default: object, value: object):
    """The value of a setting of the type of `default`; raises InputError if it is none."""
    if isinstance(default, bool):
        text = str(value).lower()
        if text not in ("1", "true", "yes", "0", "false", "no", ""):
            raise InputError(where, f"{value!r} is neither true nor false", "write 1 or 0")
        return text in ("1", "true", "yes")
    if isinstance(default, int):
        text = str(value).replace("_", "")
        if not text.isascii() or not text.isdigit() or isinstance(value, bool) or len(text) > DIGITS:
            raise InputError(where, f"{value!r} is no whole number from 0 up", "write it in digits")
        return int(text)
    if not isinstance(value, str) or not value or NO_CHARACTER.search(value):
        raise InputError(where, f"{value!r} is not a text", "write it in quotes")
    if not isinstance(default, Path):
        return value
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        raise InputError(where, str(error), "write the whole path") from error
