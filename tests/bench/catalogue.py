"""What listing a large store costs: `python -m tests.bench.catalogue [--entries N] [--folder DIR]`.

Makes two stores of real files, one a tenth of the other, without waiting for the disk, and prints a Markdown table.
"""

import argparse
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from store import hdf5
from store.catalogue import Catalogue, Filter
from tests import synthetic

MODELS = ("embedded", "stable-diffusion-1.5", "stable-diffusion-2.1-base", "stable-diffusion-xl")
REPEATS = 15
PAGES = {
    "newest": (Filter(), "created", True),
    "newest of a model": (Filter(model=MODELS[0]), "created", True),
    "largest synergy": (Filter(), "synergy", True),
    "smallest redundancy of a model": (Filter(model=MODELS[1]), "redundancy", False),
    "by prompt, a word in all of them": (Filter(text="number"), "prompt", False),
    "by redundancy, one letter": (Filter(text="f"), "redundancy", True),
    "by redundancy, two words of a model": (Filter(text="doctor misty", model=MODELS[2]), "redundancy", True),
    "by pair, a word in one prompt": (Filter(text="number 777"), "pair", False),
    "by images, a word in none": (Filter(text="zebra"), "seeds", True),
    "by synergy, a study of half the entries": (Filter(study="gender"), "synergy", False),
    "by prompt, an attribute of a study, text, mode": (
        Filter(study="gender", attribute="female", text="doctor", mode="cpid"),
        "prompt",
        True,
    ),
    "oldest, a study of 40 entries": (Filter(study="pilot study"), "created", False),
    "by synergy, a pair": (Filter(pair="a+doctor"), "synergy", True),
    "of one prompt": (Filter(prompt="a female doctor in a red garden, number 0"), "redundancy", True),
}


def main() -> None:
    """Make the stores, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.catalogue", description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--folder", type=Path, help="where to make and keep the stores; default: a temporary folder")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp())
    try:
        stores = {entries: folder / str(entries) for entries in (given.entries // 10, given.entries)}
        for entries, root in stores.items():
            if not root.exists():
                bar = tqdm(total=entries // synthetic.ENTRIES, unit="file", leave=False, disable=None)
                for _ in synthetic.many(root, entries // synthetic.ENTRIES, MODELS):
                    bar.update()
        time.sleep(3)  # until no folder changed just now
        print("| figure | value |\n|---|---|")
        for entries, root in stores.items():
            _print_rebuild(entries, *_apart(rebuild, root))
        for name, milliseconds in _apart(look, stores[given.entries]):
            print(f"| {name} | {statistics.median(milliseconds):.1f}, {max(milliseconds):.1f} ms |")
    finally:
        if given.folder is None:
            shutil.rmtree(folder)


def rebuild(root: Path) -> tuple[int, float, float]:
    """Files, seconds and peak of memory in MB of reading all files anew."""
    start = time.perf_counter()
    *_, (files, _) = Catalogue(root).rebuild()
    seconds = time.perf_counter() - start
    return files, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def look(root: Path) -> list[tuple[str, list[float]]]:
    """Milliseconds of each repeat of each question, a connection of its own for each."""
    catalogue = Catalogue(root)
    catalogue.count()
    found = [("a look at the folders, nothing new", _timed(catalogue.stamp))]
    for name, (wanted, sort, descending) in PAGES.items():
        ask = _asking(catalogue.page, wanted, sort, descending)
        found.append((f"first page: {name} ({catalogue.count(wanted)} in all)", _timed(ask)))
    found.append(("page 1,000, newest", _timed(lambda: catalogue.page(offset=min(49_950, catalogue.count() // 2)))))
    for name, ask in {
        "count: of a model": _asking(catalogue.count, Filter(model=MODELS[0])),
        "count: a study of half the entries": _asking(catalogue.count, Filter(study="gender")),
        "newest 200 prompts of a model": _asking(catalogue.values, "prompt", Filter(model=MODELS[0])),
        "models": _asking(catalogue.values, "model"),
        "summary of all": catalogue.summary,
    }.items():
        found.append((name, _timed(ask)))
    milliseconds = []
    for number in range(REPEATS):
        hdf5.publish(root, synthetic.record(f"a new thing {number}", ("new", "thing"), size=8, grid=4))
        milliseconds += _timed(catalogue.page, 1)
    found.append(("first page, with one new file", milliseconds))
    return found


def _asking(ask: Callable, *given: object) -> Callable[[], object]:
    return lambda: ask(*given)


def _timed(ask: Callable[[], object], repeats: int = REPEATS) -> list[float]:
    milliseconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        ask()
        milliseconds.append((time.perf_counter() - start) * 1000)
    return milliseconds


def _apart(work: Callable, root: Path):
    """What `work` gives in a process of its own, whose memory nothing else counts to."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(work, root).result()


def _print_rebuild(entries: int, files: int, seconds: float, peak: float) -> None:
    print(
        f"| rebuild, {entries:,} entries in {files:,} files | {seconds:.1f} s, {files / seconds:.0f} files a second |"
    )
    print(f"| peak memory of it | {peak:.0f} MB |")


if __name__ == "__main__":
    main()
