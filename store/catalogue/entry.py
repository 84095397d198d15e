"""What the catalogue lists, and what can be asked of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from store.records import Label, RunKey


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
        """The pair as addresses name it."""
        return f"{self.first}+{self.second}"

    @property
    def run(self) -> str:
        """The digest that tells its file from others of the same prompt."""
        return run_of(self.path)


@dataclass(frozen=True)
class Filter:
    """Which entries are meant; what is empty leaves that open."""

    text: str = ""  # words that stand in the prompt, each from its start, whatever its case
    model: str = ""
    study: str = ""  # of one label of the entry, as are `attribute` and `subject`
    attribute: str = ""
    subject: str = ""
    mode: str = ""
    prompt: str = ""
    pair: str = ""
    run: str = ""
    path: Path | None = None  # of the file


class Summary(NamedTuple):
    """How much there is."""

    prompts: int
    pairs: int
    images: int
    models: int


def run_of(path: Path) -> str:
    """The digest that tells the file `path` from others of the same prompt."""
    return path.stem.rsplit("-", 1)[-1]
