"""Every setting, once: its name, default and help.

The command line goes before the environment (`DIFFUSIONPID_STORE`, ...), the environment before `diffusionpid.toml` in
the working folder, that file before the default.
"""

import os
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path

from store.errors import InputError

PREFIX = "DIFFUSIONPID_"
FILE = Path("diffusionpid.toml")
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
    read_only: bool = _setting(False, "show results only: nothing can be computed or changed")
    max_evaluations: int = _setting(20_000_000, "most denoiser evaluations that a job from the dashboard may cost")
    max_jobs: int = _setting(50, "most jobs that may wait or run before the dashboard takes no more")


def load(file: Path = FILE) -> Settings:
    """Return the settings from the environment, then `file`, then the defaults.

    Raises
    ------
    InputError: the file is not valid TOML, names an unknown setting, or a value is of the wrong kind.
    """
    values: dict[str, object] = {}
    known = {entry.name: entry for entry in fields(Settings)}
    if file.exists():
        try:
            values = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(str(file), f"not valid TOML ({error})", "correct that line") from error
        for name in values.keys() - known.keys():
            raise InputError(f"{file}: {name}", "no such setting", f"use one of {', '.join(known)}")
    for name in known:
        if PREFIX + name.upper() in os.environ:
            values[name] = os.environ[PREFIX + name.upper()]
    return Settings(**{name: _parse(name, known[name].default, value) for name, value in values.items()})


def _parse(name: str, default: object, value: object):
    if isinstance(default, bool):
        text = str(value).lower()
        if text not in ("1", "true", "yes", "0", "false", "no", ""):
            raise InputError(name, f"{value!r} is neither true nor false", "write 1 or 0")
        return text in ("1", "true", "yes")
    if isinstance(default, int):
        text = str(value).replace("_", "")
        if not text.isascii() or not text.isdigit() or isinstance(value, bool):
            raise InputError(name, f"{value!r} is no whole number from 0 up", "write it in digits")
        return int(text)
    if not isinstance(value, str) or not value:
        raise InputError(name, f"{value!r} is not a text", "write it in quotes")
    return Path(value).expanduser() if isinstance(default, Path) else value
