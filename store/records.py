"""The core types that compute writes and pages read: frozen, with shapes and units.

S images (seeds), an h x w latent grid. Information maps of a pair are in `store.pid.information`, the parts that
follow from them in `store.pid.decomposition`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from store.errors import InputError
from store.pid.decomposition import Decomposition, decompose, derive_totals
from store.pid.information import INFORMATION, ORTHOGONAL_MAPS, InformationMaps
from store.pid.measures import DEFAULT, ORTHOGONAL, Surprisals
from store.pid.totals import StoredTotals
from store.words import Span, find_word, fold, word_places

MODES = ("pid", "cpid")
BASELINES = ATTENTION, SIMILARITY = "attention", "similarity"  # maps of words that are no information
Region = tuple[slice, slice]  # rows and columns of the latent grid


class Label(NamedTuple):
    """The place of a pair in a study, as `attribute` *female* of `subject` *doctor* in the study *gender*."""

    study: str
    attribute: str
    subject: str


@dataclass(frozen=True)
class TokenPair:
    """Two words of a prompt, as character spans, in the order of the prompt.

    Raises
    ------
    InputError: a span lies outside the prompt, or both overlap.
    """

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
        """Return the pair of the words `one` and `other`, at their first places in `prompt`, in prompt order.

        Raises
        ------
        InputError: a word is missing from the prompt, or both are the same word.
        """
        if fold(one) == fold(other):
            raise InputError(f"pair {one!r}, {other!r}", "a word cannot be paired with itself", "pick two words")
        first, second = sorted((find_word(prompt, one), find_word(prompt, other)))
        return cls(prompt, first, second)

    @property
    def words(self) -> tuple[str, str]:
        """Both words as they stand in the prompt."""
        return self.prompt[slice(*self.first)], self.prompt[slice(*self.second)]

    @property
    def name(self) -> str:
        """The name of the pair in addresses, see `pair_name`."""
        return pair_name(*self.words)


@dataclass(frozen=True)
class Probe:
    """Two words that are asked about images of a prompt in which they need not both stand.

    Raises
    ------
    InputError: a word is empty, or both are one word.
    """

    prompt: str
    words: tuple[str, str]

    def __post_init__(self):
        first, second = (fold(word) for word in self.words)
        if not first.strip() or not second.strip() or first == second:
            raise InputError(f"probe {self.words}", "it takes two different words", "name two words")

    @classmethod
    def about(cls, prompt: str, first: str, second: str) -> "Probe":
        """Return the probe of two words about images of `prompt`.

        Raises
        ------
        InputError: both stand in the prompt, so that they are a pair of it; a word is empty, or both are one word.
        """
        if all(any(word_places(prompt, word)) for word in (first, second)):
            raise InputError(f"probe {first!r}, {second!r}", f"both stand in {prompt!r}", "ask for them as a pair")
        return cls(prompt, (first, second))

    @property
    def name(self) -> str:
        """The name of the pair in addresses, see `pair_name`."""
        return pair_name(*self.words)


def pair_name(first: str, second: str) -> str:
    """Return the name of the pair of two words: `first+second`; no two pairs have the same.

    A plus sign inside a word is written %2B, a percent sign %25.
    """
    return "+".join(word.replace("%", "%25").replace("+", "%2B") for word in (first, second))


def pair_words(name: str) -> tuple[str, str]:
    """Return the two words of the pair called `name`; the second is empty where the name has no plus sign."""
    first, _, second = name.partition("+")
    return _decoded(first), _decoded(second)


def pair_readings(name: str) -> list[tuple[str, str]]:
    """Return the words that `name` may mean: in old links a plus sign inside a word is not encoded."""
    parts = name.split("+")
    return [(_decoded("+".join(parts[:end])), _decoded("+".join(parts[end:]))) for end in range(1, len(parts))]


def _decoded(word: str) -> str:
    return word.replace("%2B", "+").replace("%25", "%")


@dataclass(frozen=True)
class RunKey:
    """What decides the images of a file: one file of the store holds exactly one key."""

    model: str
    revision: str
    prompt: str
    guidance: float
    image: str = ""  # SHA-256 of an uploaded image; empty where the images are generated


@dataclass(frozen=True, kw_only=True)
class PairResult:
    """The information of one pair about S images, isolated (`pid`) and in context (`cpid`; not of a probe), in nats.

    `noises` are those of each image. The file shows parts under `estimator`, `measure` and `surprisals`;
    `decomposition` derives them under any other measure. `run_keys` identify the work behind each image
    (`store.identity`); they are empty in files of older formats. A `condensed` pair has rounded maps without
    replicates, so its totals and errors are the stored ones.
    """

    pair: TokenPair | Probe
    seeds: tuple[int, ...]
    noises: tuple[int, ...]
    information: dict[str, InformationMaps]  # by mode
    estimator: str = ORTHOGONAL
    measure: str = DEFAULT
    surprisals: Surprisals | None = None
    baselines: Mapping[str, np.ndarray] = field(default_factory=dict)  # kind -> float32 (S, 2, h, w), of each word
    retried: int = 0  # evaluations that were not finite at first and were made again in float32
    labels: tuple[Label, ...] = ()
    run_keys: tuple[str, ...] = ()
    condensed: bool = False

    def decomposition(
        self, mode: str, measure: str | None = None, level: str = "pixel", region: Region | None = None
    ) -> Decomposition:
        """Return the parts in `mode` at `level`, of the whole image or a region, under `measure` or that of the file.

        Raises
        ------
        InputError: as `decompose` does, or no pixel lies in the region.
        """
        information, chosen = self.information[mode], (measure or self.measure, self.estimator, self.surprisals)
        if region:
            return decompose(information.maps.region(*region).at(level), *chosen)
        return decompose(information.maps.at(level), *chosen).with_stored(information.stored, level, self.surprisals)

    def totals(self, mode: str) -> StoredTotals:
        """Return all totals in `mode`: the stored ones, and those that follow from the maps."""
        information = self.information[mode]
        return information.stored.completed(derive_totals(information.maps, self.estimator, self.surprisals))

    def condense(self, bands: bool = False) -> "PairResult":
        """Return the same with means over replicates alone, and with or without maps by band.

        Standard maps are left out unless parts are formed of them. All totals stay, under every measure.
        """
        names = ORTHOGONAL_MAPS if self.estimator == ORTHOGONAL else INFORMATION
        information = {mode: maps.averaged(names, bands) for mode, maps in self.with_all_totals().information.items()}
        return replace(self, information=information, condensed=True)

    def with_all_totals(self) -> "PairResult":
        """Return the same with all its totals stored, so that they stay when maps are rounded or left out."""
        information = {mode: replace(maps, stored=self.totals(mode)) for mode, maps in self.information.items()}
        return replace(self, information=information)

    @property
    def complete(self) -> bool:
        """Whether all modes of the pair are there, and every value of their maps is finite."""
        modes = MODES if isinstance(self.pair, TokenPair) else MODES[:1]
        return set(self.information) == set(modes) and all(maps.finite for maps in self.information.values())

    @property
    def attention(self) -> np.ndarray | None:
        """The mean attention to each word, float32 (S, 2, h, w), None where it was not recorded."""
        return self.baselines.get(ATTENTION)

    @property
    def keys_by_image(self) -> tuple[str, ...]:
        """The run key of each image; empty texts where they are not known."""
        return self.run_keys or ("",) * len(self.seeds)

    def of_seeds(self, seeds: Sequence[int]) -> "PairResult":
        """Return the same of some of its images, in the order of `seeds`."""
        order = [self.seeds.index(seed) for seed in seeds]
        return replace(
            self,
            seeds=tuple(seeds),
            noises=tuple(self.noises[index] for index in order),
            information={mode: maps.of_images(order) for mode, maps in self.information.items()},
            baselines={kind: maps[order] for kind, maps in self.baselines.items()},
            run_keys=tuple(self.keys_by_image[index] for index in order),
        )

    def measured_like(self, other: "PairResult") -> bool:
        """Return whether images of both can stand side by side: same modes, noise levels and replicates.

        Condensed pairs must also store the same totals; of others, missing totals follow from the maps.
        """
        if self.condensed != other.condensed or set(self.information) != set(other.information):
            return False
        chosen = self.estimator, self.surprisals
        return (not self.condensed or chosen == (other.estimator, other.surprisals)) and all(
            maps.like(other.information[mode]) for mode, maps in self.information.items()
        )

    def joined(self, other: "PairResult") -> "PairResult":
        """Return the images of `other` and those of this pair that `other` lacks, in the order of their seeds."""
        kept = self.of_seeds([seed for seed in self.seeds if seed not in other.seeds])
        common = [kind for kind in kept.baselines if kind in other.baselines]
        joined = replace(
            other,
            seeds=kept.seeds + other.seeds,
            noises=kept.noises + other.noises,
            information={mode: kept.information[mode].joined(maps) for mode, maps in other.information.items()},
            baselines={kind: np.concatenate([kept.baselines[kind], other.baselines[kind]]) for kind in common},
            retried=kept.retried + other.retried,
            labels=tuple(dict.fromkeys(self.labels + other.labels)),
            run_keys=kept.keys_by_image + other.keys_by_image,
        )
        return joined.of_seeds(sorted(joined.seeds))

    def refined(self, more: "PairResult") -> "PairResult":
        """Return the same single image from the noises of both, each with the same weight, under the key of `more`."""
        (before,), (added,) = self.noises, more.noises
        share = added / (before + added)
        common = [kind for kind in self.baselines if kind in more.baselines]
        return replace(
            more,
            noises=(before + added,),
            information={mode: maps.mixed(more.information[mode], share) for mode, maps in self.information.items()},
            baselines={kind: (1 - share) * self.baselines[kind] + share * more.baselines[kind] for kind in common},
            retried=self.retried + more.retried,
            labels=tuple(dict.fromkeys(self.labels + more.labels)),
        )


@dataclass(frozen=True)
class Provenance:
    """How a file came about."""

    created: str  # UTC, ISO 8601
    software: str
    settings: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """Everything stored about one prompt of one model: the content of one HDF5 file."""

    key: RunKey
    seeds: tuple[int, ...]
    images: np.ndarray  # uint8 (S, H, W, 3)
    latents: np.ndarray  # float16 (S, c, h, w), in the denoiser's scale; NaN where they were not kept
    pairs: tuple[PairResult, ...]
    provenance: Provenance

    @property
    def known_latents(self) -> dict[int, np.ndarray]:
        """The latents that were kept, by seed."""
        rows = zip(self.seeds, self.latents, strict=True)
        return {seed: latent for seed, latent in rows if not np.isnan(latent).any()}

    def result(self, words: tuple[str, str]) -> PairResult:
        """Return the result of the pair of `words`, in either order.

        Raises
        ------
        InputError: there is none.
        """
        wanted = {word.casefold() for word in words}
        for result in self.pairs:
            if {word.casefold() for word in result.pair.words} == wanted:
                return result
        there = ", ".join(result.pair.name for result in self.pairs)
        raise InputError(
            f"pair {'+'.join(words)!r} of {self.key.prompt!r}", "not in the store", f"compute it; there are: {there}"
        )

    def images_of(self, result: PairResult) -> np.ndarray:
        """Return the images of `result`, uint8 (S, H, W, 3), in the order of its maps."""
        return self.images[[self.seeds.index(seed) for seed in result.seeds]]

    def region(self, left: float, top: float, right: float, bottom: float) -> Region:
        """Return the latent pixels whose centres lie in a rectangle of the image, given in image pixels."""
        sizes = zip(self.latents.shape[2:], self.images.shape[1:3], ((top, bottom), (left, right)), strict=True)
        rows, columns = (_cells(cells, pixels, *ends) for cells, pixels, ends in sizes)
        return rows, columns


def _cells(cells: int, pixels: int, start: float, stop: float) -> slice:
    """Return those of `cells` along `pixels` whose centres lie in [start, stop)."""
    first, last = (round(end * cells / pixels) for end in (start, stop))
    return slice(max(0, first), max(0, min(cells, last)))
