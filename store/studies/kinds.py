"""The kinds of studies: what each reads from its file, and which pairs of words it asks about which prompts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from store.errors import InputError
from store.prompts.wording import count, fill, places, swapped, without
from store.records import Label, Probe, TokenPair, find_word, prompt_words
from store.studies.document import Table, lines
from store.studies.published import AVERAGE

NEUTRAL = ":neutral"  # after the name of a bias study: images that name no attribute, asked about each of them
BETWEEN = ":between"  # the same images, asked about two attributes at once
CONTROL = "control"
SHIPPED = Path(__file__).parent
ORIGINAL, REMOVED, SWAPPED = "original", "removed", "swapped"
Asked = TokenPair | Probe
Row = tuple[Asked, Label]


@dataclass(frozen=True)
class Item:
    """All that a study asks about the images of one prompt, and where each answer belongs."""

    prompt: str
    pairs: tuple[Asked, ...]
    labels: Mapping[Asked, tuple[Label, ...]] = field(hash=False)


def items(rows: Iterable[Row]) -> tuple[Item, ...]:
    """The rows by prompt, in order of first appearance."""
    found: dict[str, dict[Asked, dict[Label, None]]] = {}
    for pair, label in rows:
        found.setdefault(pair.prompt, {}).setdefault(pair, {})[label] = None
    return tuple(
        Item(prompt, tuple(pairs), {pair: tuple(labels) for pair, labels in pairs.items()})
        for prompt, pairs in found.items()
    )


def words_of(items: Iterable[Item]) -> tuple[str, ...]:
    """Every word that they show to a model, in lower case and order of appearance."""
    asked = (item.prompt + " " + " ".join(word for pair in item.pairs for word in pair.words) for item in items)
    return tuple(dict.fromkeys(word.casefold() for text in asked for word in prompt_words(text)))


@dataclass(frozen=True)
class Bias:
    """Every attribute with every subject, in one sentence; and what images of the subject alone say of attributes.

    A label is (study, attribute, subject). Images of `neutral` are asked about each attribute with the subject
    (study + NEUTRAL), which gives the attribute's information, its alignment with the subject, and the contrast
    between prompts; and about attributes two by two (study + BETWEEN).
    """

    template: str
    attributes: tuple[str, ...]
    subjects: tuple[str, ...]
    neutral: str = ""

    @classmethod
    def read(cls, table: Table) -> "Bias":
        template = _template(table, "attribute", "subject")
        attributes = table.texts("attributes", least=2)
        if table.either("subjects", "subjects_from") == "subjects":
            subjects = table.texts("subjects")
        else:
            subjects = lines(_list_file(table))
        if AVERAGE in map(str.casefold, subjects):
            raise table.wrong("subjects", f"{AVERAGE!r} is the name of the row of averages", "take another word")
        neutral = ""
        if "neutral" in table:
            section = table.table("neutral")
            neutral = _template(section, "subject")
            section.finish()
        study = cls(template, attributes, subjects, neutral)
        with table.placed("template"):
            for _ in study.rows(""):
                pass
        return study

    @property
    def size(self) -> int:
        return len(self.subjects)

    def rows(self, name: str, limit: int | None = None) -> Iterator[Row]:
        """What is asked, subject by subject."""
        for subject in self.subjects[:limit]:
            for attribute in self.attributes:
                prompt = fill(self.template, attribute=attribute, subject=subject)
                yield _pair(prompt, attribute, subject), Label(name, attribute, subject)
            if self.neutral:
                yield from self._neutral_rows(name, subject)

    def _neutral_rows(self, name: str, subject: str) -> Iterator[Row]:
        prompt = fill(self.neutral, subject=subject)
        order = places(self.template)
        for attribute in self.attributes:
            words = {"attribute": attribute, "subject": subject}
            first, second = (words[place] for place in order)
            yield Probe.about(prompt, first, second), Label(name + NEUTRAL, attribute, subject)
        for first, second in couples(self.attributes):
            probe = Probe.about(prompt, first, second)
            yield probe, Label(name + BETWEEN, probe.name, subject)


def couples(words: tuple[str, ...]) -> list[tuple[str, str]]:
    """The fewest pairs in which every one of `words` occurs; of an odd number the first and the last are one more.

    All pairs of four words would be six: but a word's own information is the same in each pair, so that any two can
    be compared once each of them was measured.
    """
    found = list(pairwise(words))[::2]
    return [*found, (words[0], words[-1])] if len(words) % 2 else found


@dataclass(frozen=True)
class Sentence:
    """A pair of words of a sentence, or a probe; `group` is the sense or group that it stands for."""

    asked: Asked
    subject: str
    group: str
    control: Asked | None = None


@dataclass(frozen=True)
class Pairs:
    """Two words in each of many sentences: homonyms, synonyms, co-hyponyms.

    A label is (study, sense or group, first word named). A control word is asked about in the same images together
    with that first word, under the group *control*.
    """

    sentences: tuple[Sentence, ...]

    @classmethod
    def read(cls, table: Table) -> "Pairs":
        entries = table.tables("sentence")
        sentences = tuple(cls._sentence(entry) for entry in entries)
        _refuse_repeats(entries, ((each.asked.prompt, frozenset(each.asked.words)) for each in sentences))
        return cls(sentences)

    @staticmethod
    def _sentence(entry: Table) -> Sentence:
        prompt, kind = entry.text("prompt"), entry.either("pair", "probe")
        first, second = _two(entry, kind)
        group = entry.text(entry.either("sense", "group"))
        ask = _pair if kind == "pair" else Probe.about
        with entry.placed(kind):
            asked = ask(prompt, first, second)
        control = None
        if "control" in entry:
            with entry.placed("control"):
                control = ask(prompt, first, entry.text("control"))
            if control == asked:
                raise entry.wrong("control", "a word of the pair itself", "take an unrelated word")
        entry.finish()
        return Sentence(asked, first, group, control)

    @property
    def size(self) -> int:
        return len(self.sentences)

    @property
    def homonyms(self) -> bool:
        """Whether one word is asked about in several senses."""
        return len({(each.subject, each.group) for each in self.sentences}) > len({e.subject for e in self.sentences})

    def rows(self, name: str, limit: int | None = None) -> Iterator[Row]:
        """What is asked, sentence by sentence."""
        for sentence in self.sentences[:limit]:
            yield sentence.asked, Label(name, sentence.group, sentence.subject)
            if sentence.control:
                yield sentence.control, Label(name, CONTROL, sentence.subject)


@dataclass(frozen=True)
class Change:
    """A word that is taken out of a prompt, or exchanged: `pair` is the word and the one it is seen beside.

    In context, the pair measures what the word adds to the rest of the prompt; without `swap`, `swapped` is empty.
    """

    pair: TokenPair
    word: str
    swap: str = ""

    @property
    def removed(self) -> str:
        """The prompt without the word, as the condition text of the pair has it."""
        return without(self.pair.prompt, find_word(self.pair.prompt, self.word))

    @property
    def swapped(self) -> str:
        """The prompt with the other word instead."""
        return swapped(self.pair.prompt, self.word, self.swap) if self.swap else ""


@dataclass(frozen=True)
class Interventions:
    """Prompts that lose a word: the same seeds show what that changes.

    A label is (study, original or removed or swapped, the word). Changed prompts are asked, as a probe, about the words
    of the original: how much of them is still in the image.
    """

    changes: tuple[Change, ...]

    @classmethod
    def read(cls, table: Table) -> "Interventions":
        entries = table.tables("sentence")
        changes = tuple(cls._change(entry) for entry in entries)
        _refuse_repeats(entries, ((change.pair.prompt, change.word) for change in changes))
        return cls(changes)

    @staticmethod
    def _change(entry: Table) -> Change:
        prompt, word, beside = (entry.text(key) for key in ("prompt", "word", "beside"))
        with entry.placed("word"):
            change = Change(_pair(prompt, word, beside), word, entry.text("swap", ""))
        if change.swap and count(prompt, change.swap):
            raise entry.wrong("swap", f"{change.swap!r} is in the prompt already", "take another word")
        with entry.placed("swap"):
            for _ in Interventions((change,)).rows(""):
                pass
        entry.finish()
        return change

    @property
    def size(self) -> int:
        return len(self.changes)

    def rows(self, name: str, limit: int | None = None) -> Iterator[Row]:
        """What is asked, prompt by prompt: as it stands, without the word, with the other one."""
        for change in self.changes[:limit]:
            yield change.pair, Label(name, ORIGINAL, change.word)
            for prompt, attribute in ((change.removed, REMOVED), (change.swapped, SWAPPED)):
                if prompt:
                    yield Probe.about(prompt, *change.pair.words), Label(name, attribute, change.word)


Content = Bias | Pairs | Interventions
KINDS: dict[str, type[Bias] | type[Pairs] | type[Interventions]] = {
    "bias": Bias,
    "pairs": Pairs,
    "intervention": Interventions,
}


def _template(table: Table, *names: str) -> str:
    template = table.text("template")
    there = ", ".join(f"{{{name}}}" for name in names)
    if sorted(places(template)) != sorted(names) or template.count("{") + template.count("}") != 2 * len(names):
        raise table.wrong("template", f"{template!r} must have {there} once each and no other braces", "correct it")
    return template


def _list_file(table: Table) -> Path:
    """The file named by `subjects_from`: beside the study, or else one of those that ship."""
    name = table.text("subjects_from")
    beside, shipped = table.file.parent / name, SHIPPED / name
    return beside if beside.exists() or not shipped.exists() else shipped


def _two(entry: Table, key: str) -> tuple[str, str]:
    words = entry.texts(key, least=2)
    if len(words) > 2:
        raise entry.wrong(key, f"{len(words)} words", "name two")
    return words[0], words[1]


def _pair(prompt: str, one: str, other: str) -> TokenPair:
    """The pair, of words that stand in `prompt` exactly once."""
    pair = TokenPair.find(prompt, one, other)
    for word in (one, other):
        if count(prompt, word) > 1:
            raise InputError(f"word {word!r}", f"twice in {prompt!r}", "write a prompt in which it stands once")
    return pair


def _refuse_repeats(entries: list[Table], asked: Iterable[object]) -> None:
    seen: dict[object, int] = {}
    for number, (entry, each) in enumerate(zip(entries, asked, strict=True), 1):
        if (before := seen.setdefault(each, number)) != number:
            raise entry.wrong("prompt", f"asked the same as sentence {before}", "take one out")
