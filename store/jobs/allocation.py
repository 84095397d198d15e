"""How evaluations are best spent on a study: few noises on many images, or many noises on few.

Values of single images differ since the images differ, and since noises are few. The first falls with the number of
images alone, the second with noises too; each further image has to be drawn besides (optimal allocation of two-stage
samples; Cochran 1977, section 10.6).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, variance

from scipy import stats

from store.catalogue import Catalogue, Filter
from store.jobs.request import NOISES_STEP, Request
from store.jobs.specification import MOST_IMAGES, JobSpec
from store.prompts.conditions import count_texts

CONFIDENCE = 0.95  # of the intervals, as in tables
DRAWING = 60  # evaluations that an image takes before it is measured: 30 steps with guidance
CELLS = 4  # prompts with several images that variances are known from
FEWEST, MOST = 16, 1024  # noises of an image
LEVEL = "pixel"


@dataclass(frozen=True)
class Spread:
    """Variances of the redundancy of single images in nats squared: `between` images, `within` one of `noises`."""

    between: float
    within: float
    noises: int

    def half(self, images: int, noises: int) -> float:
        """Return half the width of a mean's interval over so many images (2 at least) of so many noises."""
        error = ((self.between + self.within * self.noises / noises) / images) ** 0.5
        return float(stats.t.ppf((1 + CONFIDENCE) / 2, images - 1)) * error


@dataclass(frozen=True)
class Allocation:
    """`images` of a prompt with `noises` each; intervals are `narrower` times as wide as those of what was asked."""

    images: int
    noises: int
    narrower: float

    def of(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with these numbers."""
        return replace(spec, images=self.images, noises=self.noises)

    @property
    def sentence(self) -> str:
        """What it says before it is spent."""
        return (
            f"{self.images} images of each prompt with {self.noises} noises each: for the same evaluations, intervals "
            f"of means {self.narrower:.2f} times as wide"
        )


def spread_of(catalogue: Catalogue, study: str, model: str) -> Spread | None:
    """Return what the store knows of the images of a study; None from fewer than CELLS prompts with several images.

    Every prompt counts alike, at the guidance and revision of its newest results.
    """
    chosen = Filter(study=study, model=model, mode="pid")
    values: dict[tuple, list[float]] = defaultdict(list)
    samples = catalogue.samples(chosen)
    samples = samples[samples["level"] == LEVEL]
    for row in samples[["prompt", "guidance", "revision", "measure", "first", "second", "redundancy"]].itertuples():
        values[tuple(row[1:-1])].append(row.redundancy)
    totals, within, noises = {}, {}, {}
    for entry in catalogue.entries(chosen):
        key = entry.key
        cell = key.prompt, key.guidance, key.revision, entry.measure, entry.first, entry.second
        if not key.image and entry.seeds > 1 and len(values[cell]) == entry.seeds:
            totals[cell] = variance(values[cell])
            within[cell] = entry.totals["redundancy"][1] ** 2 * entry.seeds
            noises[cell] = entry.noises
    if len(totals) < CELLS:
        return None
    common = max(set(noises.values()), key=list(noises.values()).count)
    inner = fmean(within[cell] * noises[cell] / common for cell in within)
    return Spread(between=max(0.0, fmean(totals.values()) - inner), within=inner, noises=common)


def allocate(spread: Spread, requests: Sequence[Request]) -> Allocation:
    """Return the images and noises with the narrowest intervals that cost no more than `requests` of a study."""
    asked = requests[0]
    images, noises = len(asked.images), asked.budget.noises
    texts = fmean(count_texts(request.pairs) for request in requests)
    allowed = images * (DRAWING + texts * noises)
    found = []
    for count in range(FEWEST, MOST + 1, NOISES_STEP):
        most = min(MOST_IMAGES, int(allowed // (DRAWING + texts * count)))
        if most > 1:
            found.append((spread.half(most, count), most, count))
    now = spread.half(images, noises) if images > 1 else float("inf")
    best = min(found, default=(now, images, noises))
    return Allocation(best[1], best[2], best[0] / now) if best[0] < now else Allocation(images, noises, 1.0)
