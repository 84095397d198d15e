"""What somebody asks for, as the queue stores it and the command line builds it."""

import json
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from store.errors import InputError
from store.jobs.picture import Picture
from store.jobs.request import Budget, Request
from store.pid import measures
from store.records import Probe, TokenPair
from store.studies import PromptPairs, Study, load

IMAGES, NOISES = 4, 256  # where nobody says otherwise
MOST_IMAGES, MOST_PROMPTS = 10_000, 1_000_000  # of a prompt, of a study
LONGEST = 4096  # characters of a text
DTYPES = ("float32", "float16", "bfloat16")
MEND = "submit it again"
Words = tuple[str, str]


@dataclass(frozen=True)
class JobSpec:
    """What somebody asks of a model: pairs of words of one prompt, or a whole study.

    `pairs` stand in the prompt, the words of `probes` need not. A field that is None is decided by the study, or by the
    defaults: `images` of each prompt, `noises` of each image at most, `target` the relative standard error at which an
    image gets no more. A `guidance` that the study leaves open too is the model's usual one. `limit` takes the study's
    first subjects or sentences alone. `requests` decides all of it.
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
        if self == UNREADABLE:
            return "an entry that cannot be read"
        if self.study:
            return f"study {Path(self.study).stem}" + (f", first {self.limit}" if self.limit else "")
        words = ", ".join(" + ".join(pair) for pair in (*self.pairs, *self.probes))
        return f"{words or 'all pairs of words'} in {self.picture or self.prompt!r}"

    def as_json(self) -> str:
        """Return it as text that `parse` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: object) -> "JobSpec":
        """Return what `as_json` wrote; fields that later software added are left out.

        Raises
        ------
        InputError: it is something else.
        """
        try:
            given = json.loads(text) if isinstance(text, str) else None
        except (ValueError, RecursionError) as error:
            raise InputError("job", f"not valid JSON ({error})", MEND) from error
        if not isinstance(given, dict) or "model" not in given:
            raise InputError("job", "no object that names a model", MEND)
        values = {field.name: given[field.name] for field in fields(cls) if field.name in given}
        for name, value in values.items():
            if not FORMS[name](value):
                raise InputError(f"job: {name}", f"{textwrap.shorten(repr(value), 80)} is of a wrong kind", MEND)
        for name in ("pairs", "probes"):
            values[name] = tuple(map(tuple, values.get(name, ())))
        if values.get("surprisals"):
            values["surprisals"] = tuple(values["surprisals"])
        return cls(**values)

    def check(self) -> None:
        """Raise InputError for what no model and no study could make sense of."""
        for name, value in self._texts():
            if "\0" in value or not _is_unicode(value) or "\ufffd" in value:
                raise InputError(f"{name} {value!r}", "it holds what is no text", "write it anew, in UTF-8")
            if len(value) > LONGEST:
                raise InputError(name, f"{len(value):,} characters are more than {LONGEST:,}", "shorten it")
        if not self.model.strip():
            raise InputError("model", "it is empty", "name one")
        if self.dtype is not None and self.dtype not in DTYPES:
            raise InputError(f"dtype {self.dtype!r}", "not known", f"use one of {', '.join(DTYPES)}")
        for name, count, most in (("images", self.images, MOST_IMAGES), ("limit", self.limit, MOST_PROMPTS)):
            if count is not None and not 1 <= count <= most:
                raise InputError(f"{name} {_brief(count)}", f"not from 1 to {most:,}", "ask for such a number")

    def _texts(self) -> Iterator[tuple[str, str]]:
        for field in fields(self):
            if isinstance(value := getattr(self, field.name), str):
                yield field.name, value
        for words in (*self.pairs, *self.probes):
            yield from (("word", word) for word in words)

    def requests(self, root: Path, picture: Picture | None = None) -> list[Request]:
        """Return what it comes to, a request for each prompt, in the words of the studies beside the store `root`.

        `picture` is the image that it names.

        Raises
        ------
        InputError: words, prompt, study or numbers cannot be used, or the study is for another model.
        """
        self.check()
        if not self.study:
            return self._requests((PromptPairs(self.prompt, tuple(self._asked()), {}),), None, picture)
        try:
            study = load(self.study, root, self.model)
        except OSError as error:
            name = textwrap.shorten(self.study, 80)
            raise InputError(
                f"study {name}", f"cannot be read ({error.strerror})", "see `python -m store studies`"
            ) from error
        if study.model not in ("", self.model):
            cause = f"it is for model {study.model}, not {self.model}"
            raise InputError(f"study {study.name}", cause, "take that model")
        return self._requests(study.expand(self.limit), study, picture)

    def _requests(self, prompts: Sequence[PromptPairs], study: Study | None, picture: Picture | None) -> list[Request]:
        """With what is wanted in the place of what the study says, or of what is usual."""
        seeds, noises, guidance = tuple(range(IMAGES)), NOISES, None
        if study:
            seeds, noises, guidance = study.seeds, study.noises, study.guidance
        return [
            Request(
                pairs=each.pairs,
                seeds=seeds if self.images is None else tuple(range(self.images)),
                guidance=guidance if self.guidance is None else float(self.guidance),
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


def _is_unicode(text: str) -> bool:
    """Whether `text` can be written in UTF-8: bytes of a command line that are none become surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _brief(number: int) -> str:
    return str(number) if abs(number) < 10**15 else "of more than 15 digits"


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_whole(value: object) -> bool:
    return value is None or isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    """Whether `value` is None or a number that a float can hold."""
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < 2**53
    return value is None or isinstance(value, float)


def _are_words(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(map(_is_text, pair)) for pair in value
    )


def _are_surprisals(value: object) -> bool:
    return (
        value is None
        or isinstance(value, list)
        and len(value) == 2
        and None not in value
        and all(map(_is_number, value))
    )


FORMS: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys(("model", "prompt", "study", "estimator", "measure", "picture"), _is_text),
    **dict.fromkeys(("revision", "dtype"), lambda value: value is None or _is_text(value)),
    **dict.fromkeys(("limit", "images", "noises"), _is_whole),
    **dict.fromkeys(("target", "guidance"), _is_number),
    **dict.fromkeys(("pairs", "probes"), _are_words),
    "surprisals": _are_surprisals,
}
UNREADABLE = JobSpec(model="")
