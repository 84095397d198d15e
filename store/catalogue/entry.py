"""Entries of the catalogue, and filters for them."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from store.records import Label, RunKey, pair_name


@dataclass(frozen=True)
class Entry:
    """One pair of one prompt in one mode: means over images, in nats."""

    path: Path
    key: RunKey
    created: str
    first: str
    second: str
    mode: str
    measure: str
    estimator: str
    noises: int
    seeds: int  # number of images
    totals: dict[str, tuple[float, float]]  # quantity -> (mean over images, standard error of estimation)
    labels: tuple[Label, ...] = ()

    @property
    def pair(self) -> str:
        """The name of the pair, as in addresses."""
        return pair_name(self.first, self.second)

    @property
    def run(self) -> str:
        """The digest in the name of its file, which differs from those of other files of the same prompt."""
        return run_of(self.path)


@dataclass(frozen=True)
class Filter:
    """Which entries are meant. An empty field allows any value."""

    text: str = ""  # words of the prompt, or their beginnings, in any case
    model: str = ""
    study: str = ""  # `study`, `attribute` and `subject` are those of one label of the entry
    attribute: str = ""
    subject: str = ""
    mode: str = ""
    prompt: str = ""
    pair: str = ""
    run: str = ""
    revision: str = ""  # of the model
    path: Path | None = None  # of the file


class Summary(NamedTuple):
    """How many prompts, pairs, images and models there are."""

    prompts: int
    pairs: int
    images: int
    models: int


def run_of(path: Path) -> str:
    """Return the digest in the name of the file `path`, which differs from those of other files of its prompt."""
    return path.stem.rsplit("-", 1)[-1]
