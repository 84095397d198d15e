"""The study kind *bias*: every attribute with every subject."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from store.prompts.wording import fill, places
from store.records import Label, Probe
from store.studies.document import SHIPPED, TomlTable, lines
from store.studies.expansion import LabelledPair, find_pair
from store.studies.planted import Planted
from store.studies.published import AVERAGE, Published

NEUTRAL = ":neutral"  # after the name of a bias study: images that name no attribute, asked about each attribute
BETWEEN = ":between"  # the same images, asked about two attributes at once
MOST_CELLS = 100_000  # attributes times subjects


@dataclass(frozen=True)
class Bias:
    """Every attribute with every subject in one sentence, and what images of the subject alone say of attributes.

    A label is (study, attribute, subject). Images of the `neutral` template are asked about each attribute with the
    subject (study + NEUTRAL), which gives the attribute's information, its alignment with the subject, and the
    contrast between prompts; and about attributes two by two (study + BETWEEN).
    """

    template: str
    attributes: tuple[str, ...]
    subjects: tuple[str, ...]
    neutral: str = ""
    published: Published | None = None
    planted: Planted | None = None

    @classmethod
    def read(cls, table: TomlTable) -> "Bias":
        """Return the study that the file `table` describes.

        Raises
        ------
        InputError: something is missing or wrong.
        """
        template = _template(table, "attribute", "subject")
        attributes = table.texts("attributes", least=2)
        if table.either("subjects", "subjects_from") == "subjects":
            subjects = table.texts("subjects")
        else:
            subjects = lines(_list_file(table))
        if AVERAGE in map(str.casefold, subjects):
            raise table.wrong("subjects", f"{AVERAGE!r} is the name of the row of averages", "take another word")
        if (cells := len(attributes) * len(subjects)) > MOST_CELLS:
            cause = f"{cells:,} with all attributes, more than {MOST_CELLS:,}"
            raise table.wrong("subjects", cause, "split the study")
        neutral = ""
        if "neutral" in table:
            section = table.table("neutral")
            neutral = _template(section, "subject")
            section.finish()
        published = None
        if "published" in table:
            published = Published.read(table.table("published"), attributes, subjects)
        planted = Planted.read(table.table("planted"), attributes, subjects) if "planted" in table else None
        study = cls(
            template=template,
            attributes=attributes,
            subjects=subjects,
            neutral=neutral,
            published=published,
            planted=planted,
        )
        with table.placed("template"):
            for _ in study.rows(""):
                pass
        return study

    @property
    def size(self) -> int:
        """The number of subjects."""
        return len(self.subjects)

    def rows(self, name: str, limit: int | None = None) -> Iterator[LabelledPair]:
        """Yield the labelled pairs of the first `limit` subjects, subject by subject."""
        for subject in self.subjects[:limit]:
            for attribute in self.attributes:
                prompt = fill(self.template, attribute=attribute, subject=subject)
                yield find_pair(prompt, attribute, subject), Label(name, attribute, subject)
            if self.neutral:
                yield from self._neutral_rows(name, subject)

    def _neutral_rows(self, name: str, subject: str) -> Iterator[LabelledPair]:
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
    """Return the fewest pairs in which every one of `words` occurs; an odd last word is paired with the first.

    All pairs of four words would be six. But a word's own information is the same in each pair, so any two words can
    be compared once each of them was measured.
    """
    found = list(pairwise(words))[::2]
    return [*found, (words[0], words[-1])] if len(words) % 2 else found


def _template(table: TomlTable, *names: str) -> str:
    template = table.text("template")
    there = ", ".join(f"{{{name}}}" for name in names)
    if sorted(places(template)) != sorted(names) or template.count("{") + template.count("}") != 2 * len(names):
        raise table.wrong("template", f"{template!r} must have {there} once each and no other braces", "correct it")
    return template


def _list_file(table: TomlTable) -> Path:
    """Return the file that `subjects_from` names: it lies beside the study, or is one of those that ship."""
    name = table.text("subjects_from")
    folder = table.file.parent
    beside, shipped = folder / name, SHIPPED / name
    if Path(name).name != name or beside.resolve().parent != folder.resolve():
        raise table.wrong("subjects_from", f"{name!r} is no file beside the study", "put the list there, name it alone")
    return beside if beside.exists() or not shipped.exists() else shipped
