"""Costs and results as the commands print them."""

import sys
from typing import TYPE_CHECKING

from store import warnings
from store.pid.decomposition import ALIGNMENT, PARTS
from store.records import PairResult, RunRecord

if TYPE_CHECKING:
    from compute.engine import EvaluationProgress
    from compute.planning.plan import Cost


class ProgressBar:
    """A bar on standard error that shows evaluations, `total` of them or as many as what it is shown says.

    It is gone at the end, and whatever is printed beside or after it begins a line of its own, in a file too.
    """

    def __init__(self, total: int | None = None):
        from tqdm import tqdm

        self._total, self._drawn = total, False
        self._bar = tqdm(total=total, unit="eval", unit_scale=total is not None, leave=False, delay=0.1)

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
        self._end_line()

    def show(self, step: "EvaluationProgress") -> None:
        """Show how far it is."""
        self._bar.total, self._bar.n = self._total or step.total, step.done
        self._bar.set_description(step.doing)
        self._drawn = True

    def say(self, text: str) -> None:
        """Print `text` in a line of its own."""
        self._bar.clear()
        self._end_line()
        print(text, file=sys.stderr)

    def _end_line(self) -> None:
        """Where the terminal does not clear the line of the bar, as in a file, end that line."""
        if self._drawn and not sys.stderr.isatty():
            print(file=sys.stderr)
        self._drawn = False


def print_cost(cost: "Cost") -> None:
    """Say on standard error what a run will cost, before it is spent."""
    if not cost.images:
        print("all of it is in the store", file=sys.stderr)
        return
    pairs = "1 pair" if cost.pairs == 1 else f"{cost.pairs} pairs"
    images = "1 image" if cost.images == 1 else f"{cost.images} images"
    print(
        f"{pairs}, {cost.texts} texts, {images} of {cost.noises} noises: {cost.evaluations:,} evaluations at most",
        file=sys.stderr,
    )


def _totals(result: PairResult, level: str) -> list[tuple[str, str, float, float]]:
    """Mode, quantity, mean over images and its standard error."""
    rows = []
    for mode in result.information:
        found = result.decomposition(mode, level=level)
        shown = {f"information_{name}": found[name] for name in ("first", "second", "both")}
        shown |= {name: found[name] for name in (*PARTS, ALIGNMENT, "standard_both")}
        rows += [(mode, name, *estimate.mean()) for name, estimate in shown.items()]
    return rows


def as_json(results: list[PairResult], level: str) -> dict[str, object]:
    """Return the totals of `results` at `level`, in nats with standard errors, for `--json`."""
    names = ("mode", "quantity", "value", "se")
    return {
        "level": level,
        "pairs": [
            {
                "pair": result.pair.name,
                "measure": result.measure,
                "estimator": result.estimator,
                "seeds": result.seeds,
                "noises": result.noises,
                "totals": [dict(zip(names, row, strict=True)) for row in _totals(result, level)],
            }
            for result in results
        ],
    }


def print_results(record: RunRecord, results: list[PairResult], level: str) -> None:
    """Print the totals of one pair, or a line for each of several, and what may be wrong with them."""
    if len(results) > 1:
        _print_matrix(record, results, level)
        return
    (result,) = results
    first, second = result.pair.words
    print(
        f"{first!r} (first) and {second!r} (second) in {record.key.prompt!r}\n"
        f"{result.measure} on {result.estimator} maps, {level} level, mean of {len(result.seeds)} images, nats"
    )
    for mode, name, value, error in _totals(result, level):
        print(f"{mode:5} {name:19} {value:10.3f} +- {error:.3f}")
    _print_warnings(record, result)


def _print_matrix(record: RunRecord, results: list[PairResult], level: str) -> None:
    """R, U1, U2, S of all pairs, a line each, with errors."""
    measure, images = results[0].measure, max(len(result.seeds) for result in results)
    print(f"pairs of {record.key.prompt!r}, {measure}, {level} level, mean of {images} images, nats")
    heads = "".join(f"{head:>20}" for head in ("R", "U1", "U2", "S"))
    print(f"{'mode':5} {'pair':24}{heads}")
    for mode in dict.fromkeys(mode for result in results for mode in result.information):
        for result in results:
            found = result.decomposition(mode, level=level)
            cells = ["{:.2f} +- {:.2f}".format(*found[name].mean()) for name in PARTS]
            print(f"{mode:5} {result.pair.name:24}" + "".join(f"{cell:>20}" for cell in cells))
    for result in results:
        _print_warnings(record, result)


def _print_warnings(record: RunRecord, result: PairResult) -> None:
    for mode, sentences in warnings.warnings(record.key, result).items():
        for sentence in sentences:
            print(f"warning, {result.pair.name}, {mode}: {sentence}")
