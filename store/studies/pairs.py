"""The study kind *pairs*: two words in each of many sentences."""

from collections.abc import Iterator
from dataclasses import dataclass

from store.records import Label, Probe
from store.studies.document import TomlTable, refuse_repeats
from store.studies.expansion import LabelledPair, WordPair, find_pair

CONTROL = "control"


@dataclass(frozen=True)
class Sentence:
    """A pair of words of a sentence, or a probe; `group` is the sense or group that it is an example of."""

    pair: WordPair
    subject: str  # the word of the pair that is named first
    group: str
    control: WordPair | None = None


@dataclass(frozen=True)
class Pairs:
    """Two words in each of many sentences: homonyms, synonyms, co-hyponyms.

    A label is (study, sense or group, first word named). A control word is asked about in the same images together
    with that first word, under the group CONTROL.
    """

    sentences: tuple[Sentence, ...]

    @classmethod
    def read(cls, table: TomlTable) -> "Pairs":
        """Return the study that the file `table` describes.

        Raises
        ------
        InputError: something is missing or wrong.
        """
        entries = table.tables("sentence")
        sentences = tuple(cls._sentence(entry) for entry in entries)
        refuse_repeats(entries, ((each.pair.prompt, frozenset(each.pair.words)) for each in sentences))
        return cls(sentences)

    @staticmethod
    def _sentence(entry: TomlTable) -> Sentence:
        prompt, key = entry.text("prompt"), entry.either("pair", "probe")
        first, second = entry.two_texts(key)
        group = entry.text(entry.either("sense", "group"))
        make = find_pair if key == "pair" else Probe.about
        with entry.placed(key):
            pair = make(prompt, first, second)
        control = None
        if "control" in entry:
            with entry.placed("control"):
                control = make(prompt, first, entry.text("control"))
            if control == pair:
                raise entry.wrong("control", "a word of the pair itself", "take an unrelated word")
        entry.finish()
        return Sentence(pair, first, group, control)

    @property
    def size(self) -> int:
        """The number of sentences."""
        return len(self.sentences)

    @property
    def homonyms(self) -> bool:
        """Whether one word is asked about in several senses."""
        return len({(each.subject, each.group) for each in self.sentences}) > len({e.subject for e in self.sentences})

    def rows(self, name: str, limit: int | None = None) -> Iterator[LabelledPair]:
        """Yield the labelled pairs of the first `limit` sentences, sentence by sentence."""
        for sentence in self.sentences[:limit]:
            yield sentence.pair, Label(name, sentence.group, sentence.subject)
            if sentence.control:
                yield sentence.control, Label(name, CONTROL, sentence.subject)
