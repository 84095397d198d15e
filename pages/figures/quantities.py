"""The quantities that pages show: their names, words and units, and how a value is written."""

import math
from dataclasses import dataclass

from store.hdf5 import DATASETS
from store.pid.decomposition import PARTS, STANDARD_OF, Decomposition
from store.pid.information import NATS_PER_BIT, Estimate
from store.pid.measures import MEASURES, ORTHOGONAL, STANDARD

UNITS = ("nats", "bits")
MODE_NAMES = {"pid": "PID, isolated", "cpid": "CPID, in context"}
MODE_MEANING = {
    "pid": "The two words stand alone, without the rest of the prompt.",
    "cpid": "The two words are added to the rest of the prompt.",
}
MODES_MEANING = "\n\n".join(f"**{MODE_NAMES[mode]}.** {meaning}" for mode, meaning in MODE_MEANING.items())
UNRELIABLE = "\u2020"
WITHIN_ERROR = f"{UNRELIABLE} Cannot be told from zero: smaller than twice its error."
WITHIN_INTERVAL = f"{UNRELIABLE} Cannot be told from zero: its interval has both signs."
UNRELIABLE_MEANING = (
    f"{UNRELIABLE} Cannot be told from zero: smaller than twice its standard error. Values that "
    "are not finite, or whose error is unknown, are marked too. More noises an image make errors smaller."
)


@dataclass(frozen=True)
class Quantity:
    """One quantity of a pair of words. `label` and `sentence` have places for the two words."""

    name: str
    symbol: str
    label: str
    anchor: str  # of its term in the glossary
    sentence: str = ""
    detail: str = ""

    def title(self, words: tuple[str, str]) -> str:
        """The label with the actual words in it."""
        return self.label.format(*words)

    def explain(self, words: tuple[str, str], measure: str) -> str:
        """One plain sentence about it, with the actual words in it."""
        sentence = MEASURES[measure].sentence if self.name == "redundancy" else self.sentence
        return sentence.format(*words)

    def more(self, measure: str) -> str:
        """What a careful reader should know about it, in Markdown."""
        return MEASURES[measure].explanation if self.name == "redundancy" else self.detail

    @property
    def column(self) -> str:
        """Its name in the catalogue and in the files."""
        return DATASETS[self.name]

    def of(self, decomposition: Decomposition) -> Estimate:
        """Its estimate, in nats: of I1, I2, I12 that which the parts add up to."""
        return decomposition.of_estimator(self.name)

    def signed(self, measure: str, estimator: str = ORTHOGONAL) -> bool:
        """Whether it may be negative under that redundancy measure, on maps of that estimator."""
        if self.name in PARTS:
            return MEASURES[measure].can_be_negative(self.name, estimator)
        return estimator == STANDARD and self.name in STANDARD_OF


QUANTITIES = {
    quantity.name: quantity
    for quantity in (
        Quantity("redundancy", "R", "redundant", "redundancy"),
        Quantity(
            name="unique_first",
            symbol="U1",
            label="unique to '{0}'",
            anchor="uniqueness",
            sentence="What '{0}' says about a pixel and '{1}' does not.",
            detail="U1 = I1 \u2212 R. It is below zero where R is larger than I1. Under *mmi* that does not happen.",
        ),
        Quantity(
            name="unique_second",
            symbol="U2",
            label="unique to '{1}'",
            anchor="uniqueness",
            sentence="What '{1}' says about a pixel and '{0}' does not.",
            detail="U2 = I2 \u2212 R. It is below zero where R is larger than I2. Under *mmi* that does not happen.",
        ),
        Quantity(
            name="synergy",
            symbol="S",
            label="synergy",
            anchor="synergy",
            sentence="What only '{0}' and '{1}' together say about a pixel, and neither word says alone.",
            detail="S = I12 \u2212 I1 \u2212 I2 + R. It may be below zero: one word overrides the other, or misleads "
            "when it stands alone. Both together then bring less than R + U1 + U2. Pages show such values as they are.",
        ),
        Quantity(
            name="first",
            symbol="I1",
            label="MI of '{0}'",
            anchor="information",
            sentence="All that '{0}' says about a pixel: how far the word moves the model's prediction there.",
            detail="Mutual information of image and first word. I1 = R + U1.",
        ),
        Quantity(
            name="second",
            symbol="I2",
            label="MI of '{1}'",
            anchor="information",
            sentence="All that '{1}' says about a pixel: how far the word moves the model's prediction there.",
            detail="Mutual information of image and second word. I2 = R + U2.",
        ),
        Quantity(
            name="both",
            symbol="I12",
            label="MI of both",
            anchor="information",
            sentence="All that '{0}' and '{1}' together say about a pixel.",
            detail="Mutual information of image and both words. I12 = R + U1 + U2 + S.",
        ),
        Quantity(
            name="conditional_first",
            symbol="CMI1",
            label="'{0}' given '{1}'",
            anchor="conditional-mutual-information",
            sentence="What '{0}' adds about a pixel once '{1}' is known.",
            detail="Conditional mutual information: the model predicts with the second word, then with both. CMI1 "
            "says how far the first word moves the prediction.",
        ),
        Quantity(
            name="conditional_second",
            symbol="CMI2",
            label="'{1}' given '{0}'",
            anchor="conditional-mutual-information",
            sentence="What '{1}' adds about a pixel once '{0}' is known.",
            detail="Conditional mutual information: the model predicts with the first word, then with both. CMI2 "
            "says how far the second word moves the prediction.",
        ),
    )
}
BASELINES = {  # which have scales of their own; of either word, in the order of the file
    f"{kind}_{which}": Quantity(
        name=f"{kind}_{which}",
        symbol=f"{symbol}{place + 1}",
        label=label.format(f"'{{{place}}}'"),
        anchor=anchor,
        sentence=sentence.format(f"'{{{place}}}'"),
        detail=f"{detail} It has no unit and no error, and does not depend on mode or measure.",
    )
    for kind, symbol, label, anchor, sentence, detail in (
        (
            "attention",
            "A",
            "attention to {}",
            "attention",
            "How much of a pixel's attention goes to {}.",
            "Attention within the whole prompt, averaged over layers, heads and noise levels. It says where the model "
            "looks, not how much the word matters there.",
        ),
        (
            "similarity",
            "O",
            "output like {}",
            "output-similarity",
            "How much what attention returns for a pixel is like what it returns for {}.",
            "What attention returns for a pixel, compared with what it returns for each word of the prompt; the shares "
            "of all words add up to one. Averaged over layers and noise levels. It is recorded where a network attends "
            "to pixels and text together.",
        ),
    )
    for place, which in enumerate(("first", "second"))
}
MAPS = QUANTITIES | BASELINES
INDEX = "\u03c1"  # the alignment index, a total only


def factor(unit: str) -> float:
    """What a value in nats is multiplied with to be in `unit`."""
    return 1 / NATS_PER_BIT if unit == "bits" else 1.0


def reliable(value: float, error: float) -> bool:
    """Whether a value is finite and at least twice its standard error."""
    return math.isfinite(value) and math.isfinite(error) and abs(value) >= 2 * error


def rounded(value: float, digits: int) -> str:
    """A number with so many decimals; zero has no sign."""
    text = f"{value:.{digits}f}"
    return text.replace("-", "" if not float(text) else "\u2212")


def written(value: float, error: float, kept: int = 2) -> str:
    """A value and its standard error, of which `kept` digits count, marked where not reliable."""
    if not math.isfinite(value):
        return f"not finite {UNRELIABLE}"
    smallest = error if math.isfinite(error) and error > 0 else abs(value) / 10
    digits = min(4, max(0, kept - 1 - math.floor(math.log10(smallest)))) if smallest > 0 else 0
    spread = f" \u00b1 {error:.{digits}f}" if math.isfinite(error) else " \u00b1 ?"
    text = rounded(value, digits) + spread
    return text if reliable(value, error) else f"{text} {UNRELIABLE}"


def ranged(value: float, low: float, high: float) -> str:
    """A value and its interval, to two digits of half its width, marked where zero lies in it."""
    if not math.isfinite(value):
        return f"not finite {UNRELIABLE}"
    width = (high - low) / 2
    smallest = width if math.isfinite(width) and width > 0 else abs(value) / 10
    digits = min(4, max(0, 1 - math.floor(math.log10(smallest)))) if smallest > 0 else 0
    known = math.isfinite(low) and math.isfinite(high)
    ends = f"[{rounded(low, digits)}, {rounded(high, digits)}]" if known else "[?]"
    return f"{rounded(value, digits)} {ends}" + ("" if known and not low <= 0 <= high else f" {UNRELIABLE}")
