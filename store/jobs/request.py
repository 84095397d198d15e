"""One prompt's share of a job, with everything decided: what a model is asked about its images."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from store.errors import InputError
from store.jobs.picture import Picture
from store.pid import measures
from store.pid.information import REPLICATES
from store.pid.measures import ORTHOGONAL, Surprisals
from store.prompts.conditions import count_texts
from store.records import Label, Probe, RunKey, TokenPair
from store.studies import PromptPairs, words_of

NOISES_STEP = 2 * REPLICATES  # noises come in antithetic pairs, as many in each replicate
MOST_NOISES = 2**20  # of an image
FIRST_ROUND = 64  # noises, before a run that aims at a standard error looks at it


def check_noises(noises: int) -> None:
    """Raise InputError unless `noises` splits into antithetic pairs and replicates."""
    if noises > MOST_NOISES:
        raise InputError("noises", f"more than {MOST_NOISES:,}", "take 64 for a draft, 256 for a result")
    if noises < NOISES_STEP or noises % NOISES_STEP:
        cause = f"not a positive multiple of {NOISES_STEP}"
        raise InputError(f"noises {noises}", cause, "take 64 for a draft, 256 for a result")


@dataclass(frozen=True)
class Budget:
    """How many noises an image gets at most, and the relative standard error of I(both) at which it gets no more.

    Raises
    ------
    InputError: `noises` does not split into replicates, or `target` is no share.
    """

    noises: int
    target: float | None = None

    def __post_init__(self):
        check_noises(self.noises)
        if self.target is not None and not 0 < self.target < 1:
            raise InputError(f"target {self.target}", "not between 0 and 1", "take 0.05 for 5 %")

    def rounds(self, done: int = 0) -> Iterator[int]:
        """Yield the noises of each round after those `done`: all at once without a target, else doubling them."""
        while done < self.noises:
            count = min(max(FIRST_ROUND, done), self.noises - done) if self.target else self.noises - done
            yield count
            done += count


@dataclass(frozen=True, kw_only=True)
class Request:
    """The information of `pairs`, all of one prompt, about the images of `seeds`, or about `picture`.

    A `guidance` of None is the model's usual one. `labels` say which place pairs have in studies.

    Raises
    ------
    InputError: there are no pairs or seeds, or the measure cannot be taken of the estimates.
    """

    pairs: tuple[TokenPair | Probe, ...]
    seeds: tuple[int, ...] = (0,)
    guidance: float | None = 1.0
    budget: Budget = Budget(256)
    estimator: str = ORTHOGONAL
    measure: str = measures.DEFAULT
    surprisals: Surprisals | None = None
    picture: Picture | None = None
    labels: Mapping[TokenPair | Probe, tuple[Label, ...]] = field(default_factory=dict)

    def __post_init__(self):
        if not self.pairs:
            raise InputError("pairs", "there are none", "name two words")
        if not self.seeds:
            raise InputError("seeds", "there are none", "ask for at least one")
        if self.guidance is not None and not 1 <= self.guidance < math.inf:
            cause = "no number from 1 up; below 1 a pipeline makes the images of 1"
            raise InputError(f"guidance {self.guidance}", cause, "take 1, or the 7.5 that is usual")
        if self.surprisals and not all(0 <= value < math.inf for value in self.surprisals):
            raise InputError(f"surprisals {self.surprisals}", "no numbers from 0 up", "give each in nats")
        measures.find(self.measure, self.estimator, self.surprisals)

    @property
    def prompt(self) -> str:
        """The prompt that all pairs are asked about."""
        return self.pairs[0].prompt

    @property
    def images(self) -> tuple[int, ...]:
        """The seeds of the images it is about; an uploaded picture counts as 0."""
        return (0,) if self.picture else self.seeds

    @property
    def evaluations(self) -> int:
        """How many evaluations of the denoiser it takes at most, where nothing of it is in the store."""
        return count_texts(self.pairs) * self.budget.noises * len(self.images)

    @property
    def words(self) -> tuple[str, ...]:
        """Every word that it shows to a model, in lower case."""
        return words_of([PromptPairs(self.prompt, self.pairs, self.labels)])

    def key(self, model: str, revision: str, usual: float) -> RunKey:
        """Return the key of its images, where `model` in this `revision` generates them, with `usual` guidance."""
        if self.picture:
            return RunKey(model=model, revision=revision, prompt=self.prompt, guidance=0.0, image=self.picture.digest)
        return RunKey(model, revision, self.prompt, usual if self.guidance is None else self.guidance)
