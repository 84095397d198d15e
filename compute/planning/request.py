"""What is asked of a model about one prompt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compute.estimation.evaluate import Budget
from compute.estimation.noise_levels import check_noises
from store import hdf5
from store.errors import InputError
from store.jobs import Picture, Wanted
from store.pid import measures
from store.pid.measures import ORTHOGONAL, Surprisals
from store.records import Label, Probe, RunKey, TokenPair


@dataclass(frozen=True)
class Request:
    """What is asked: information of `pairs`, all of one prompt, about the images of `seeds`, or about `picture`.

    `cache` is where the fastest batch and precision are remembered; without it neither is looked for. `labels` say
    which place pairs have in studies.
    """

    pairs: tuple[TokenPair | Probe, ...]
    seeds: tuple[int, ...] = (0,)
    guidance: float = 1.0
    budget: Budget = Budget(256)
    estimator: str = ORTHOGONAL
    measure: str = measures.DEFAULT
    surprisals: Surprisals | None = None
    picture: Picture | None = None
    cache: Path | None = None
    labels: Mapping[TokenPair | Probe, tuple[Label, ...]] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        return self.pairs[0].prompt

    @property
    def images(self) -> tuple[int, ...]:
        """The seeds of the images it is about; an uploaded one counts as 0."""
        return (0,) if self.picture else self.seeds

    def check(self, root: Path) -> None:
        """Raise InputError or StoreError for whatever can be known before a model is loaded."""
        if not self.pairs:
            raise InputError("pairs", "there are none", "name two words")
        measures.find(self.measure, self.estimator, self.surprisals)
        check_noises(self.budget.noises)
        if self.budget.target is not None and not 0 < self.budget.target < 1:
            raise InputError(f"target {self.budget.target}", "not between 0 and 1", "take 0.05 for 5 %")
        if not self.seeds:
            raise InputError("seeds", "there are none", "ask for at least one")
        hdf5.check_writable(root)

    def key(self, model: str, revision: str) -> RunKey:
        """Of its images, where `model` generates them."""
        if self.picture:
            return RunKey(model, revision, self.prompt, 0.0, self.picture.digest)
        return RunKey(model, revision, self.prompt, self.guidance)


def requests(wanted: Wanted, root: Path, cache: Path | None = None, picture: Picture | None = None) -> list[Request]:
    """What `wanted` comes to, a request for each prompt; where it names a precision, none is looked for in `cache`.

    Raises
    ------
    InputError: words, prompt or study cannot be used, or the study is for another model.
    """
    question = wanted.question(root)
    return [
        Request(
            item.pairs,
            question.seeds,
            question.guidance,
            Budget(question.noises, wanted.target),
            wanted.estimator,
            wanted.measure,
            wanted.surprisals,
            picture,
            cache if wanted.dtype is None else None,
            item.labels,
        )
        for item in question.items
    ]
