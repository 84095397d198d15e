"""The quantities that pages show: their names, words and units, and how a value is written."""

import math
from dataclasses import dataclass

from store.hdf5 import INFORMATION
from store.records import NATS_PER_BIT, PARTS, Decomposition, Estimate

UNITS = ("nats", "bits")
MODE_NAMES = {"pid": "PID, isolated", "cpid": "CPID, in context"}
MODE_MEANING = {
    "pid": "The two words stand alone, without the rest of the prompt.",
    "cpid": "The two words are added to the rest of the prompt, which is known already.",
}
UNRELIABLE = "\u2020"
UNRELIABLE_MEANING = (
    f"{UNRELIABLE} Not reliable: smaller than twice its standard error, so it cannot be told from zero "
    "(or it is not a finite number). More noises per image would settle it."
)


@dataclass(frozen=True)
class Quantity:
    """One quantity of a token pair. `label` and `sentence` have places for the two words."""

    name: str
    symbol: str
    label: str
    sentence: str
    detail: str

    def title(self, words: tuple[str, str]) -> str:
        """The label with the actual words in it."""
        return self.label.format(*words)

    def explain(self, words: tuple[str, str]) -> str:
        """One plain sentence about it, with the actual words in it."""
        return self.sentence.format(*words)

    @property
    def column(self) -> str:
        """Its name in the catalogue and in the files."""
        return INFORMATION.get(self.name, self.name)

    def of(self, decomposition: Decomposition) -> Estimate:
        """Its estimate, in nats."""
        return getattr(decomposition if self.name in PARTS else decomposition.information, self.name)

    def signed(self, measure: str) -> bool:
        """Whether it may be negative under that redundancy measure."""
        return self.name == "synergy" or (self.name in PARTS and measure != "mmi")


QUANTITIES = {
    quantity.name: quantity
    for quantity in (
        Quantity(
            "redundancy",
            "R",
            "redundant",
            "What '{0}' and '{1}' both say about a pixel: information that either word alone would bring.",
            "With the measure *mmi* it is, at each pixel, the smaller of the two words' information. That is an "
            "amount, not proof that both words say the same thing: two words that bring equal amounts of different "
            "things to one pixel look redundant.",
        ),
        Quantity(
            "unique_first",
            "U1",
            "unique to '{0}'",
            "What '{0}' says about a pixel and '{1}' does not.",
            "Information of the first word less the redundancy.",
        ),
        Quantity(
            "unique_second",
            "U2",
            "unique to '{1}'",
            "What '{1}' says about a pixel and '{0}' does not.",
            "Information of the second word less the redundancy.",
        ),
        Quantity(
            "synergy",
            "S",
            "synergy",
            "What only '{0}' and '{1}' together say about a pixel, and neither word says alone.",
            "It may be negative: one word then overrides the other or misleads when it stands alone, so that both "
            "together bring less than the better word. Negative values are shown as they are.",
        ),
        Quantity(
            "first",
            "I1",
            "MI of '{0}'",
            "All that '{0}' says about a pixel: how far the word moves the model's prediction there.",
            "Mutual information of image and first word, by the orthogonal estimator, which is never negative.",
        ),
        Quantity(
            "second",
            "I2",
            "MI of '{1}'",
            "All that '{1}' says about a pixel: how far the word moves the model's prediction there.",
            "Mutual information of image and second word, by the orthogonal estimator, which is never negative.",
        ),
        Quantity(
            "both",
            "I12",
            "MI of both",
            "All that '{0}' and '{1}' together say about a pixel.",
            "Mutual information of image and both words. It is the sum of R, U1, U2 and S.",
        ),
        Quantity(
            "conditional_first",
            "CMI1",
            "'{0}' given '{1}'",
            "What '{0}' adds about a pixel once '{1}' is known.",
            "Conditional mutual information: how far adding the first word moves the prediction that was made with "
            "the second one.",
        ),
        Quantity(
            "conditional_second",
            "CMI2",
            "'{1}' given '{0}'",
            "What '{1}' adds about a pixel once '{0}' is known.",
            "Conditional mutual information: how far adding the second word moves the prediction that was made with "
            "the first one.",
        ),
    )
}


def factor(unit: str) -> float:
    """What a value in nats is multiplied with to be in `unit`."""
    return 1 / NATS_PER_BIT if unit == "bits" else 1.0


def reliable(value: float, error: float) -> bool:
    """Whether a value is finite and at least twice its standard error."""
    return math.isfinite(value) and math.isfinite(error) and abs(value) >= 2 * error


def written(value: float, error: float) -> str:
    """A value and its standard error, to the digits that the error leaves, marked where not reliable."""
    if not (math.isfinite(value) and math.isfinite(error)):
        return f"not finite {UNRELIABLE}"
    smallest = error if error > 0 else abs(value) / 100
    digits = min(4, max(0, 1 - math.floor(math.log10(smallest)))) if smallest > 0 else 0
    text = f"{value:.{digits}f} \u00b1 {error:.{digits}f}".replace("-", "\u2212")
    return text if reliable(value, error) else f"{text} {UNRELIABLE}"
