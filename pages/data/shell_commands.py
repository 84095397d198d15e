"""Command lines that compute what a view names, as somebody may paste them into a shell."""

import shlex
from pathlib import Path

from pages.address import ExplorerView
from store.errors import InputError
from store.records import Probe, TokenPair, pair_words


def run_command(view: ExplorerView, root: Path, seeds: int = 4) -> str:
    """Return the command line that computes what `view` names into the store `root`."""
    parts = ["python -m compute run", f"--model {_word(view.model)}", f"--prompt {_quoted(view.prompt or 'PROMPT')}"]
    return " ".join(
        [*parts, words_option(view) or "--pair WORD WORD", f"--seeds {seeds}", f"--store {_word(str(root))}"]
    )


def worker_command(root: Path) -> str:
    """Return the command line that starts a worker for the store `root`."""
    return f"python -m compute worker --store {_word(str(root))}"


def words_option(view: ExplorerView) -> str:
    """Return the option that asks for the two words of `view`, as a pair or as a probe; empty if they are neither."""
    first, second = pair_words(view.pair)
    for option, asked in (("--pair", TokenPair.find), ("--probe", Probe.about)):
        try:
            asked(view.prompt, first, second)
        except InputError:
            continue
        return f"{option} {_word(first)} {_word(second)}"
    return ""


def is_probe(prompt: str, pair: str) -> bool:
    """Return whether the words of `pair`, asked about `prompt`, do not both stand in it."""
    first, second = pair_words(pair)
    try:
        TokenPair.find(prompt, first, second)
    except InputError:
        return True
    return False


def pair_label(prompt: str, pair: str) -> str:
    """Return a pair as people read it."""
    return " + ".join(pair_words(pair)) + (" (probe)" if is_probe(prompt, pair) else "")


def _word(text: str) -> str:
    return text if shlex.quote(text) == text else _quoted(text)


def _quoted(text: str) -> str:
    """In double quotes, which every shell knows, if nothing in them has a meaning of its own."""
    return shlex.quote(text) if set(text) & set('"$`\\!%') else f'"{text}"'
