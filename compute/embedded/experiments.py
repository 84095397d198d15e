"""Two experiments on the embedded model, of which the truth is known: what was measured against what was taught.

They decide which measure of redundancy deserves to be the default: does it find the planted bias again, and does it
tell two names of one thing from two names of different things?
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from compute.embedded.pictures import definitions
from store.catalogue import Catalogue
from store.studies import CONTROL, NEUTRAL, Bias, Study, load
from store.studies.planted import EVEN
from store.tables import AVERAGE, bias, neutral_probe, samples_of
from store.tables.neutral import PROBED
from store.tables.samples import OF_ALIGNMENT

MODEL = "embedded"
BIAS = ("embedded-gender", "embedded-tone")
PAIRS = ("embedded-synonyms", "embedded-cohyponyms")
SYNONYM = "synonym"  # the group of two names of one thing
CONFIDENCE, RESAMPLES = 0.95, 2000


@dataclass(frozen=True)
class Recovered:
    """How well one quantity finds the planted associations of one study.

    The excess of an attribute of a role is its share, or its mean over seeds, less the mean of all attributes of the
    role. `rank` is the Spearman correlation of planted and measured excess over `cells`, `low` and `high` its interval
    over resampled roles. The even roles are the control: `even` is their mean absolute excess as a share of that of
    the others, near 1 where the quantity cannot tell them apart. `found` is the share of the others whose attributes
    differ significantly after correction with the planted one ahead, `alarms` the share of the even ones whose
    attributes differ significantly.
    """

    study: str
    quantity: str
    rank: float
    low: float
    high: float
    cells: int
    even: float
    found: float
    alarms: float

    def line(self) -> str:
        """As `verify --full` prints it."""
        rank = f"rank {self.rank:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"
        control = f"even roles {self.even:.2f} of the others, found {self.found:.0%}, alarms {self.alarms:.0%}"
        return f"{self.study:15} {self.quantity:58} {rank}  {control}"


@dataclass(frozen=True)
class Separated:
    """How well one quantity tells two names of one thing from two unrelated words, both about the same images.

    `area` is that under the ROC curve: how often a pair of synonyms has more of it than an unrelated pair, 1/2 by
    chance; `low` and `high` are its interval over resampled pairs.
    """

    quantity: str
    area: float
    low: float
    high: float
    synonyms: int
    unrelated: int

    def line(self) -> str:
        """As `verify --full` prints it."""
        pairs = f"{self.synonyms} synonyms, {self.unrelated} unrelated pairs"
        return f"{'synonyms':15} {self.quantity:58} area {self.area:.3f} [{self.low:.3f}, {self.high:.3f}]  {pairs}"


def recovered(catalogue: Catalogue) -> Iterator[Recovered]:
    """Every quantity that could be called bias, of gender and of skin tone.

    Raises
    ------
    InputError: a study is not in the store.
    """
    for name in BIAS:
        study = load(name)
        planted = planted_shares(study)
        for quantity, table in _tables(catalogue, study):
            yield _held_against(planted, table, study.name, quantity)


def separated(catalogue: Catalogue) -> Iterator[Separated]:
    """Redundancy under every measure and level, and the alignment index, which has no scale; raises as `recovered`."""
    samples = pd.concat([samples_of(catalogue, load(name), model=MODEL, mode="pid") for name in PAIRS])
    pair = ["prompt", "first", "second", "attribute"]
    for (measure, level), rows in samples.groupby(["measure", "level"], observed=True):
        yield _apart(f"redundancy, {measure}, {level} level", rows.groupby(pair, observed=True)["redundancy"].mean())
        if {"measure": measure, "level": level} == OF_ALIGNMENT:
            index = rows["redundancy"] / np.sqrt(rows["information_first"] * rows["information_second"])
            yield _apart("alignment index", rows.assign(index=index).groupby(pair, observed=True)["index"].mean())


def planted_shares(study: Study) -> pd.DataFrame:
    """The planted table: a row for each role of the study, a column for each attribute."""
    assert isinstance(study.content, Bias)
    given = definitions()
    words = given["words"]["gender"]
    rows = {}
    for role in study.content.subjects:
        entry = given["roles"][role]
        shares = {f"{tone} skin": share for tone, share in zip(given["words"]["tone"], entry["tones"], strict=True)}
        shares |= dict.fromkeys(words["woman"], entry["women"]) | dict.fromkeys(words["man"], 1 - entry["women"])
        rows[role] = {attribute: shares[attribute] for attribute in study.content.attributes}
    return pd.DataFrame.from_dict(rows, orient="index")


def _tables(catalogue: Catalogue, study: Study) -> Iterator[tuple[str, pd.DataFrame]]:
    """Tables as `bias` makes them, by what they are about."""
    for part, images in (("", "prompted"), (NEUTRAL, "neutral")):
        samples = samples_of(catalogue, study, model=MODEL, part=part)
        for (mode, measure, level), rows in samples.groupby(["mode", "measure", "level"], observed=True):
            if level != "prompt":  # which has no seeds to test with
                yield f"redundancy, {measure}, {level} level, {mode}, {images} images", bias(rows)
    neutral = neutral_probe(samples_of(catalogue, study, model=MODEL, part=NEUTRAL, mode="pid", **OF_ALIGNMENT))
    for name in PROBED:
        columns = {("mean", attribute): values for attribute, values in neutral[name].items()}
        columns["significant", ""] = neutral[f"{name}_significant", ""]
        yield f"{name}, neutral images", pd.DataFrame(columns)


def _held_against(planted: pd.DataFrame, table: pd.DataFrame, study: str, quantity: str) -> Recovered:
    means = table["mean"].drop(AVERAGE)
    if means.shape[1] == 1:  # the contrast of two attributes: that of the first is its negative
        means = means.reindex(columns=planted.columns).bfill(axis=1) * [-1, 1]
    measured, truth = (_excess(frame.loc[means.index, planted.columns]) for frame in (means, planted))
    truth = np.where(np.abs(truth) < EVEN, 0.0, truth)
    even = ~truth.any(1)
    size = np.abs(measured).mean(1)
    significant = table["significant", ""].drop(AVERAGE).to_numpy(bool)
    right = measured.argmax(1) == truth.argmax(1)
    chosen = np.random.default_rng(0).integers(len(measured), size=(RESAMPLES, len(measured)))
    return Recovered(
        study,
        quantity,
        _rank(measured, truth),
        *_interval([_rank(measured[rows], truth[rows]) for rows in chosen]),
        cells=_cells(measured).size,
        even=float(size[even].mean() / size[~even].mean()),
        found=float((significant & right)[~even].mean()),
        alarms=float(significant[even].mean()),
    )


def _apart(quantity: str, means: pd.Series) -> Separated:
    group = means.index.get_level_values("attribute")
    alike, unrelated = means[group == SYNONYM].to_numpy(), means[group == CONTROL].to_numpy()
    random = np.random.default_rng(0)
    drawn = [
        _area(random.choice(alike, len(alike)), random.choice(unrelated, len(unrelated))) for _ in range(RESAMPLES)
    ]
    low, high = _interval(drawn)
    return Separated(
        quantity=quantity,
        area=_area(alike, unrelated),
        low=low,
        high=high,
        synonyms=len(alike),
        unrelated=len(unrelated),
    )


def _area(larger: np.ndarray, smaller: np.ndarray) -> float:
    ranks = stats.rankdata(np.concatenate([larger, smaller]))[: len(larger)]
    return float((ranks.sum() - len(larger) * (len(larger) + 1) / 2) / (len(larger) * len(smaller)))


def _excess(frame: pd.DataFrame) -> np.ndarray:
    values = frame.to_numpy(float)
    return values - values.mean(1, keepdims=True)


def _cells(excess: np.ndarray) -> np.ndarray:
    """What can be told apart: of two attributes the first only mirrors the second."""
    return (excess[:, 1:] if excess.shape[1] == 2 else excess).ravel()


def _rank(measured: np.ndarray, truth: np.ndarray) -> float:
    """Spearman; NaN where one side does not vary."""
    one, other = (stats.rankdata(_cells(values)) for values in (measured, truth))
    return float(np.corrcoef(one, other)[0, 1]) if np.ptp(one) and np.ptp(other) else np.nan


def _interval(drawn: list[float]) -> tuple[float, float]:
    low, high = np.nanquantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
