"""The study kind *intervention*: a word is taken out of a prompt, or exchanged, and the seed stays."""

from collections.abc import Iterator
from dataclasses import dataclass

from store.prompts.wording import count, swapped, without
from store.records import Label, Probe, TokenPair
from store.studies.document import TomlTable, refuse_repeats
from store.studies.expansion import LabelledPair, find_pair
from store.words import find_word

ORIGINAL, REMOVED, SWAPPED = "original", "removed", "swapped"


@dataclass(frozen=True)
class Change:
    """A word that is taken out of a prompt, or exchanged; `pair` is this word and the one it is measured beside.

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
        """The prompt with the other word in its place; empty where there is none."""
        return swapped(self.pair.prompt, self.word, self.swap) if self.swap else ""


@dataclass(frozen=True)
class Interventions:
    """Prompts that lose a word: images of the same seeds show what that changes.

    A label is (study, ORIGINAL or REMOVED or SWAPPED, the word). Images of changed prompts are asked, as a probe, about
    the words of the original: how much of them is still in the image.
    """

    changes: tuple[Change, ...]

    @classmethod
    def read(cls, table: TomlTable) -> "Interventions":
        """Return the study that the file `table` describes.

        Raises
        ------
        InputError: something is missing or wrong.
        """
        entries = table.tables("sentence")
        changes = tuple(cls._change(entry) for entry in entries)
        refuse_repeats(entries, ((change.pair.prompt, change.word) for change in changes))
        return cls(changes)

    @staticmethod
    def _change(entry: TomlTable) -> Change:
        prompt, word, beside = (entry.text(key) for key in ("prompt", "word", "beside"))
        with entry.placed("word"):
            change = Change(find_pair(prompt, word, beside), word, entry.text("swap", ""))
        if change.swap and count(prompt, change.swap):
            raise entry.wrong("swap", f"{change.swap!r} is in the prompt already", "take another word")
        with entry.placed("swap"):
            for _ in Interventions((change,)).rows(""):
                pass
        entry.finish()
        return change

    @property
    def size(self) -> int:
        """The number of prompts that lose a word."""
        return len(self.changes)

    def rows(self, name: str, limit: int | None = None) -> Iterator[LabelledPair]:
        """Yield the labelled pairs of the first `limit` prompts: as it stands, without the word, with the other one."""
        for change in self.changes[:limit]:
            yield change.pair, Label(name, ORIGINAL, change.word)
            for prompt, attribute in ((change.removed, REMOVED), (change.swapped, SWAPPED)):
                if prompt:
                    yield Probe.about(prompt, *change.pair.words), Label(name, attribute, change.word)
