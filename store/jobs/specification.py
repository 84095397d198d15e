"""What somebody asks for, as the queue stores it and the command line builds it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from store.errors import InputError
from store.jobs.picture import Picture
from store.jobs.request import Budget, Request
from store.pid import measures
from store.records import Probe, TokenPair
from store.studies import PromptPairs, Study, load

IMAGES, NOISES, GUIDANCE = 4, 256, 1.0  # where nobody says otherwise
Words = tuple[str, str]


@dataclass(frozen=True)
class JobSpec:
    """What somebody asks of a model: pairs of words of one prompt, or a whole study.

    `pairs` stand in the prompt, the words of `probes` need not. A field that is None is decided by the study, or by the
    defaults: `images` of each prompt, `noises` of each image at most, `target` the relative standard error at which an
    image gets no more. `limit` takes the study's first subjects or sentences alone. `requests` decides all of it.
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
        """What it is about, in a few words for a list."""
        if self.study:
            return f"study {Path(self.study).stem}" + (f", first {self.limit}" if self.limit else "")
        words = ", ".join(" + ".join(pair) for pair in (*self.pairs, *self.probes))
        return f"{words or 'all pairs of words'} in {self.picture or self.prompt!r}"

    def as_json(self) -> str:
        """Return it as text that `parse` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> "JobSpec":
        """Return what `as_json` wrote; fields that later software added are left out."""
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in json.loads(text).items() if name in known}
        for name in ("pairs", "probes"):
            values[name] = tuple((first, second) for first, second in values.get(name, ()))
        if values.get("surprisals"):
            values["surprisals"] = tuple(values["surprisals"])
        return cls(**values)

    def requests(self, root: Path, picture: Picture | None = None) -> list[Request]:
        """Return what it comes to, a request for each prompt, in the words of the studies beside the store `root`.

        `picture` is the image that it names.

        Raises
        ------
        InputError: words, prompt, study or numbers cannot be used, or the study is for another model.
        """
        if not self.study:
            return self._requests((PromptPairs(self.prompt, tuple(self._asked()), {}),), None, picture)
        study = load(self.study, root, self.model)
        if study.model not in ("", self.model):
            cause = f"it is for model {study.model}, not {self.model}"
            raise InputError(f"study {study.name}", cause, "take that model")
        return self._requests(study.expand(self.limit), study, picture)

    def _requests(self, prompts: Sequence[PromptPairs], study: Study | None, picture: Picture | None) -> list[Request]:
        """With what is wanted in the place of what the study says, or of what is usual."""
        seeds, noises, guidance = tuple(range(IMAGES)), NOISES, GUIDANCE
        if study:
            seeds, noises, guidance = study.seeds, study.noises, study.guidance
        return [
            Request(
                pairs=each.pairs,
                seeds=seeds if self.images is None else tuple(range(self.images)),
                guidance=guidance if self.guidance is None else self.guidance,
                budget=Budget(noises if self.noises is None else self.noises, self.target),
                estimator=self.estimator,
                measure=self.measure,
                surprisals=self.surprisals,
                picture=picture,
                labels=each.labels,
            )
            for each in prompts
        ]

    def _asked(self) -> Iterator[TokenPair | Probe]:
        if not self.prompt.strip():
            raise InputError("prompt", "it is empty", "write what the image shows")
        yield from (TokenPair.find(self.prompt, *pair) for pair in self.pairs)
        yield from (Probe.about(self.prompt, *words) for words in self.probes)
