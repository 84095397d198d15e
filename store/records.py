"""The core types that compute writes and pages read: frozen, with shapes and units.

S images (seeds), an h x w latent grid, T bands of log SNR. All information is in nats, per latent
pixel and summed over channels, unless a name says otherwise.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from store.errors import InputError

NATS_PER_BIT = float(np.log(2))
MODES = ("pid", "cpid")


class Span(NamedTuple):
    """Characters [start, stop) of a prompt."""

    start: int
    stop: int


@dataclass(frozen=True)
class TokenPair:
    """Two words of a prompt, as character spans, the one that comes earlier first."""

    prompt: str
    first: Span
    second: Span

    def __post_init__(self):
        for span in (self.first, self.second):
            if not 0 <= span.start < span.stop <= len(self.prompt):
                raise InputError(f"pair in {self.prompt!r}", f"span {tuple(span)} lies outside it", "pick words of it")
        if self.first.stop > self.second.start:
            raise InputError(f"pair in {self.prompt!r}", "the two words overlap", "pick two separate words")

    @classmethod
    def find(cls, prompt: str, one: str, other: str) -> "TokenPair":
        """The pair of the words `one` and `other`, at their first places in `prompt`, in prompt order.

        Raises
        ------
        InputError: a word is missing from the prompt, or both are the same word.
        """
        if one.casefold() == other.casefold():
            raise InputError(f"pair {one!r}, {other!r}", "a word cannot be paired with itself", "pick two words")
        first, second = sorted((find_word(prompt, one), find_word(prompt, other)))
        return cls(prompt, first, second)

    @property
    def words(self) -> tuple[str, str]:
        """Both words as they stand in the prompt."""
        return self.prompt[slice(*self.first)], self.prompt[slice(*self.second)]

    @property
    def name(self) -> str:
        """The pair as addresses and files name it: `first+second`."""
        return "+".join(self.words)


def find_word(prompt: str, word: str) -> Span:
    """Where `word` (or a phrase) first stands in `prompt` as whole words, whatever its case.

    Raises
    ------
    InputError: it does not stand there.
    """
    found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", prompt, re.IGNORECASE) if word.strip() else None
    if found is None:
        raise InputError(
            f"word {word!r}", f"not in the prompt {prompt!r}", f"pick from: {', '.join(prompt_words(prompt))}"
        )
    return Span(*found.span())


def prompt_words(prompt: str) -> list[str]:
    """The different words of a prompt, in order."""
    return list(dict.fromkeys(re.findall(r"\w+(?:['\u2019-]\w+)*", prompt)))


@dataclass(frozen=True)
class RunKey:
    """What decides the images: one file of the store holds exactly one key."""

    model: str
    revision: str
    prompt: str
    guidance: float
    image: str = ""  # SHA-256 of an uploaded image; empty where the images are generated


@dataclass(frozen=True)
class Estimate:
    """One quantity in nats, with jackknife standard errors; the map sums to the total."""

    map: np.ndarray  # float32 (S, h, w)
    map_se: np.ndarray  # float32 (S, h, w)
    total: np.ndarray  # float64 (S,)
    total_se: np.ndarray  # float64 (S,)

    def mean(self) -> tuple[float, float]:
        """The total averaged over images, and the standard error that the estimator adds to it."""
        return float(self.total.mean()), float(np.sqrt(np.square(self.total_se).sum()) / len(self.total))


@dataclass(frozen=True)
class InformationMaps:
    """Information of the first word, the second, both, and between them (Kong et al. 2024).

    `first`, `second`, `both` are orthogonal estimates, never negative; `between` is the same
    distance measured between the two words' predictions, and `conditional_first` is measured from the
    second word alone to both: what the first adds to it. The `standard_` estimates are signed and
    equal the log density ratio of that very image. `curve` is the integrand of first, second and
    both in nats per unit of log SNR, in bands centred at `log_snr`; NaN where no noise fell.
    """

    first: Estimate
    second: Estimate
    both: Estimate
    between: Estimate
    conditional_first: Estimate
    conditional_second: Estimate
    standard_first: Estimate
    standard_second: Estimate
    standard_both: Estimate
    curve: np.ndarray  # float32 (S, T, 3)
    log_snr: np.ndarray  # float32 (T,)


@dataclass(frozen=True)
class Decomposition:
    """Partial information of a pair about each image, in nats, under one redundancy measure.

    The parts add up to `information`: redundancy + unique_first = first,
    redundancy + unique_second = second, all four = both. Synergy may be negative.
    """

    measure: str
    information: InformationMaps
    redundancy: Estimate
    unique_first: Estimate
    unique_second: Estimate
    synergy: Estimate

    @property
    def finite(self) -> bool:
        """Whether every total is a number."""
        return all(np.isfinite(getattr(self, name).total).all() for name in PARTS)

    def violations(self, tolerance: float) -> list[str]:
        """The identities that do not hold within `tolerance` times the largest value involved."""
        i, r, u1, u2, s = self.information, self.redundancy, self.unique_first, self.unique_second, self.synergy
        scale = max(np.abs(i.both.map).max(initial=0), np.abs(i.first.map).max(initial=0), 1e-6)
        pairs = {
            "R + U1 = I1": (r.map + u1.map, i.first.map),
            "R + U2 = I2": (r.map + u2.map, i.second.map),
            "R + U1 + U2 + S = I12": (r.map + u1.map + u2.map + s.map, i.both.map),
        }
        found = [name for name, (left, right) in pairs.items() if not _close(left, right, tolerance * scale)]
        for name in PARTS:
            part = getattr(self, name)
            bound = tolerance * max(np.abs(part.map).sum(axis=(1, 2)).max(initial=0), 1e-6)
            if not _close(part.map.sum(axis=(1, 2), dtype=np.float64), part.total, bound):
                found.append(f"map of {name} sums to its total")
        return found

    @property
    def consistent(self) -> bool:
        """Whether all identities hold to single precision."""
        return not self.violations(1e-4)


PARTS = ("redundancy", "unique_first", "unique_second", "synergy")


def _close(left: np.ndarray, right: np.ndarray, bound: float) -> bool:
    return bool(np.all(np.abs(left - right) <= bound))


@dataclass(frozen=True)
class PairResult:
    """What was computed of one pair: isolated (`pid`), and in context (`cpid`) where the prompt has one."""

    pair: TokenPair
    seeds: tuple[int, ...]
    estimator: str
    noises: int
    decompositions: dict[str, Decomposition]  # by mode

    @property
    def complete(self) -> bool:
        """Whether both modes are there and every value is finite."""
        return set(self.decompositions) == set(MODES) and all(d.finite for d in self.decompositions.values())


@dataclass(frozen=True)
class Provenance:
    """How a file came about."""

    created: str  # UTC, ISO 8601
    software: str
    settings: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """Everything known about one prompt of one model: what one HDF5 file holds."""

    key: RunKey
    seeds: tuple[int, ...]
    images: np.ndarray  # uint8 (S, H, W, 3)
    latents: np.ndarray  # float16 (S, c, h, w), in the denoiser's scale
    pairs: tuple[PairResult, ...]
    provenance: Provenance

    def result(self, words: tuple[str, str]) -> PairResult:
        """What is known of the pair of `words`.

        Raises
        ------
        InputError: nothing is.
        """
        wanted = TokenPair.find(self.key.prompt, *words)
        for result in self.pairs:
            if result.pair == wanted:
                return result
        there = ", ".join(result.pair.name for result in self.pairs)
        raise InputError(
            f"pair {wanted.name!r} of {self.key.prompt!r}", "not in the store", f"compute it; there are: {there}"
        )

    def images_of(self, result: PairResult) -> np.ndarray:
        """The images of `result`, in the order of its maps."""
        return self.images[[self.seeds.index(seed) for seed in result.seeds]]
