"""What a job asks for, and the prompts that it comes to."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from store.errors import InputError
from store.pid import measures
from store.records import Probe, TokenPair
from store.studies import PromptPairs, load, words_of

IMAGES, NOISES, GUIDANCE = 4, 256, 1.0  # where nobody says otherwise
Words = tuple[str, str]


@dataclass(frozen=True)
class Wanted:
    """Pairs of words of one prompt, or a whole study, asked of a model.

    `pairs` stand in the prompt, the words of `probes` need not. What is None is as the study says, or else
    as usual: `images` of each prompt, `noises` of each at most, `target` the relative standard error at which an image
    gets no more. `limit` takes the study's first subjects or sentences alone.
    """

    model: str
    prompt: str = ""
    pairs: tuple[Words, ...] = ()
    probes: tuple[Words, ...] = ()
    study: str = ""
    limit: int | None = None
    images: int | None = None
    noises: int | None = None
    target: float | None = None
    guidance: float | None = None
    estimator: str = measures.ORTHOGONAL
    measure: str = measures.DEFAULT
    surprisals: measures.Surprisals | None = None
    picture: str = ""  # the name of the image that is asked about instead of generated ones
    revision: str | None = None
    dtype: str | None = None

    @property
    def title(self) -> str:
        """What it is about, in a few words."""
        if self.study:
            return f"study {Path(self.study).stem}" + (f", first {self.limit}" if self.limit else "")
        words = ", ".join(" + ".join(pair) for pair in (*self.pairs, *self.probes))
        return f"{words or 'all pairs of words'} in {self.picture or self.prompt!r}"

    def as_json(self) -> str:
        """What `parse` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> "Wanted":
        """What `as_json` wrote; fields that later software added are left out."""
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in json.loads(text).items() if name in known}
        for name in ("pairs", "probes"):
            values[name] = tuple((first, second) for first, second in values.get(name, ()))
        if values.get("surprisals"):
            values["surprisals"] = tuple(values["surprisals"])
        return cls(**values)

    def question(self, root: Path) -> "Question":
        """All that is to be asked, in the words of the studies beside the store `root`.

        Raises
        ------
        InputError: words, prompt or study cannot be used, or the study is for another model.
        """
        if not self.study:
            item = PromptPairs(self.prompt, tuple(self._asked()), {})
            return self._question(self.title, (item,), tuple(range(IMAGES)), NOISES, GUIDANCE)
        study = load(self.study, root, self.model)
        if study.model not in ("", self.model):
            cause = f"it is for model {study.model}, not {self.model}"
            raise InputError(f"study {study.name}", cause, "take that model")
        return self._question(study.title, study.expand(self.limit), study.seeds, study.noises, study.guidance)

    def _question(
        self, title: str, items: tuple[PromptPairs, ...], seeds: tuple[int, ...], noises: int, guidance: float
    ) -> "Question":
        """With what is wanted in the place of what is usual."""
        return Question(
            title,
            items,
            seeds if self.images is None else tuple(range(self.images)),
            noises if self.noises is None else self.noises,
            guidance if self.guidance is None else self.guidance,
        )

    def _asked(self) -> Iterator[TokenPair | Probe]:
        if not self.prompt.strip():
            raise InputError("prompt", "it is empty", "write what the image shows")
        yield from (TokenPair.find(self.prompt, *pair) for pair in self.pairs)
        yield from (Probe.about(self.prompt, *words) for words in self.probes)


@dataclass(frozen=True)
class Question:
    """Items, one a prompt, each to be asked about the images of `seeds` with so many `noises`."""

    title: str
    items: tuple[PromptPairs, ...]
    seeds: tuple[int, ...]
    noises: int
    guidance: float

    @property
    def words(self) -> str:
        """Every word that it shows to a model."""
        return " ".join(words_of(self.items))

    def evaluations(self, texts: int) -> int:
        """What it costs at most, where its items come to so many `texts` together."""
        return texts * self.noises * len(self.seeds)
