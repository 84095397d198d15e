"""What pages cost on a large store: `python -m tests.bench.pages [--runs N] [--folder DIR]`.

Makes a store of real files, the studies of the embedded model and one of 188 occupations among them, and prints a
Markdown table: server time of reruns, size of figures, memory of ten sessions.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from playwright.sync_api import expect, sync_playwright
from streamlit.testing.v1 import AppTest
from tqdm import tqdm

from store import hdf5, settings, studies
from store.catalogue import Catalogue
from tests import synthetic
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.conftest import ROOT

REAL = "stable-diffusion-2.1-base"
STUDIES = ("gender", "tone", "homonyms", "synonyms", "cohyponyms", "intervention")
ROUNDS = 10  # through the clicks of a page
DOCTOR = {"model": "embedded", "prompt": "a female doctor", "pair": "female+doctor"}
LARGE = {"model": REAL, "prompt": "a large picture", "pair": "large+picture"}
CLICKS: dict[str, list[dict[str, str]]] = {  # page -> addresses that clicks lead to, one after the other
    "overview": [{"sort": "-synergy"}, {"filter": "doctor", "sort": "redundancy"}, {"page": "3"}, {"unit": "bits"}],
    "gender": [
        {"model": REAL},
        {"model": REAL, "subject": "nurse"},
        {"model": REAL, "measure": "mmi"},
        {"model": REAL, "sort": "-gap", "filter": "doc"},
        {"model": "embedded", "table": "neutral"},
    ],
    "ethnicity": [{"subject": "doctor"}, {"subject": "nurse", "seed": "1"}, {"measure": "ccs"}, {"level": "image"}],
    "homonyms": [{"seed": "1"}, {"band": "2"}, {"measure": "mmi"}, {"unit": "bits"}],
    "synonyms": [{"seed": "1"}, {"study": "embedded-cohyponyms"}, {"measure": "mmi"}, {"threshold": "40"}],
    "intervention": [{"seed": "1"}, {"measure": "ccs"}, {"mode": "pid"}, {"unit": "bits"}],
    "explorer": [DOCTOR | {"seed": "1"}, DOCTOR | {"measure": "mmi"}, DOCTOR | {"band": "2"}, LARGE],
    "jobs": [{"unit": "bits"}, {"unit": "nats"}],
    "method": [{"unit": "bits"}, {"unit": "nats"}],
}
SESSIONS = 10


def main() -> None:
    """Make the store, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pages", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--folder", type=Path, help="where to make and keep the store; default: a temporary folder")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp())
    try:
        root = folder / str(given.runs)
        if not root.exists():
            make(root, given.runs)
        os.environ[f"{settings.PREFIX}STORE"] = str(root)
        print(f"| figure, {sum(1 for _ in hdf5.paths(root)):,} runs | value |\n|---|---|")
        for page, addresses in CLICKS.items():
            seconds, overlay, other = reruns(page, addresses)
            high = statistics.quantiles(seconds, n=20)[-1]
            print(
                f"| {page}: rerun, median and 95th percentile; largest figure over images, of others "
                f"| {statistics.median(seconds):.2f}, {high:.2f} s; {overlay / 1024:.0f}, {other / 1024:.0f} KiB |"
            )
        before, after = memory(root)
        print(f"| memory of the server, one session and {SESSIONS} | {before:.0f}, {after:.0f} MB |")
    finally:
        if given.folder is None:
            shutil.rmtree(folder)


def make(root: Path, runs: int) -> None:
    """The studies, a large picture, and other prompts up to so many `runs`."""
    few = {"seeds": tuple(range(8)), "size": 64, "grid": 16}
    for name in STUDIES:
        synthetic.of_study(root, studies.load(f"embedded-{name}"), model="embedded", **few)
    synthetic.of_study(root, studies.load("gender"), model=REAL, seeds=(0, 1, 2, 3), size=64, grid=16)
    hdf5.publish(root, synthetic.record(LARGE["prompt"], ("large", "picture"), model=REAL, size=512, grid=64))
    left = runs - sum(1 for _ in hdf5.paths(root))
    for _ in tqdm(synthetic.many(root, left), total=left, unit="file", leave=False, disable=None):
        pass
    for _ in Catalogue(root).rebuild():
        pass


def reruns(page: str, addresses: list[dict[str, str]]) -> tuple[list[float], int, int]:
    """Seconds that the server takes after each click, the first of each apart; bytes of the largest figures."""
    app = AppTest.from_file(str(ROOT / "pages" / "shell.py"), default_timeout=120).run()
    app.switch_page(f"{page}.py").run()
    seconds, overlays, others = [], [0], [0]
    for turn in range(ROUNDS + 1):
        for address in addresses:
            app.query_params.clear()
            app.query_params.update(address)
            start = time.perf_counter()
            app.run()
            if turn:
                seconds.append(time.perf_counter() - start)
            assert not app.exception, (page, address, app.exception)
            for figure in app.get("plotly_chart"):
                (overlays if '"type":"image"' in figure.proto.spec else others).append(len(figure.proto.spec))
    return seconds, max(overlays), max(others)


def memory(root: Path) -> tuple[float, float]:
    """Megabytes that the server holds for itself with one session, and with all of them on all pages."""
    port = "18501"
    command = ["-m", "streamlit", "run", "dashboard.py", "--server.headless", "true", "--server.port", port]
    server = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        time.sleep(10)
        return _sessions(psutil.Process(server.pid), f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait(60)


def _sessions(server: psutil.Process, address: str) -> tuple[float, float]:
    held = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for place in _places(address):
            page = browser.new_context().new_page()
            page.goto(place)
            page.wait_for_timeout(2000)  # until it has begun
            expect(page.get_by_test_id("stApp")).to_have_attribute(
                "data-test-script-state", "notRunning", timeout=60_000
            )
            held.append(server.memory_full_info().uss / 1e6)
        browser.close()
    return held[0], held[-1]


def _places(address: str) -> Iterator[str]:
    pages = [page for page in CLICKS if page != "overview"]
    yield address
    yield from (f"{address}/{pages[number % len(pages)]}" for number in range(SESSIONS - 1))


if __name__ == "__main__":
    main()
