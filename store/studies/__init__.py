"""Study definitions: what is asked of a model, read from TOML files that anybody can write (docs/studies.md)."""

from store.studies.bias import BETWEEN, NEUTRAL, Bias
from store.studies.expansion import LabelledPair, PromptPairs, WordPair, words_of
from store.studies.intervention import ORIGINAL, REMOVED, SWAPPED, Change, Interventions
from store.studies.kinds import KINDS, StudyContent, StudyKind, studies_of_page
from store.studies.loading import Study, load, names
from store.studies.pairs import CONTROL, Pairs, Sentence
from store.studies.planted import Planted
from store.studies.published import Published

__all__ = [
    "BETWEEN",
    "CONTROL",
    "KINDS",
    "NEUTRAL",
    "ORIGINAL",
    "REMOVED",
    "SWAPPED",
    "Bias",
    "Change",
    "Interventions",
    "LabelledPair",
    "Pairs",
    "Planted",
    "PromptPairs",
    "Published",
    "Sentence",
    "Study",
    "StudyContent",
    "StudyKind",
    "WordPair",
    "load",
    "names",
    "studies_of_page",
    "words_of",
]
