"""What people kept of earlier versions works unchanged: links from address bars, files of each format, jobs, notes."""

import shutil
from urllib.parse import parse_qsl, urlsplit

import pytest

from store import hdf5
from store.jobs import NAME as JOBS
from store.notes import NAME as NOTES
from tests.conftest import ROOT

ARCHIVES = ROOT / "tests" / "archives"
EXPLORER = "/explorer?model=embedded&prompt=a+female+doctor&pair=female%2Bdoctor"
LINKS = {  # whole views, which name all that a page would settle by itself, and a heading of the page that they open
    "/?model=embedded&filter=doctor&sort=-synergy&page=2&unit=bits": "All results of this model, in bits",
    "/gender?model=embedded&subject=nurse&seed=1&quantity=synergy&opacity=80": "nurse",
    "/gender?model=embedded&table=guidance&unit=bits&scale=normalised": "Gender bias of the embedded model",
    "/ethnicity?model=embedded&table=neutral&sort=-contrast+light+skin": "Skin tones of the embedded model",
    "/gender?model=embedded&guidance=3&mode=cpid&level=image&measure=mmi&sort=-occupation&filter=doc&page=1": "Gender",
    "/homonyms?model=embedded&study=embedded-homonyms&word=keyboard&mode=cpid&seed=1&band=2&opacity=40&threshold=30"
    "&guidance=1": "Homonyms of the embedded model",
    "/synonyms?model=embedded&study=embedded-cohyponyms&band=1&unit=bits&measure=mmi&by=redundancy&guidance=1&mode=pid"
    "&seed=2&prompt=a+cat&pair=cat%2Bdog&opacity=50&threshold=5": "The two words: cat and dog",
    "/intervention?model=embedded&study=embedded-intervention&prompt=a+cat+and+a+car&word=cat&change=swapped&by=pixels"
    "&predictor=synergy&mode=pid&seed=3&guidance=1&threshold=10&opacity=20": "What was measured of cat",
    f"{EXPLORER}&run=4b34f8667726&mode=pid&seed=1&quantity=unique_second&level=image&unit=bits&measure=mmi": "seed 1",
    f"{EXPLORER}&run=4b34f8667726&mode=cpid&seed=0&band=3&opacity=35&threshold=61&maps=both&level=prompt": "CPID",
    f"{EXPLORER}&run=4b34f8667726&mode=pid&seed=2&region=16%2C32%2C48%2C64": "seed 2",
    "/jobs?model=embedded&unit=bits": "Waiting and running",
    "/method?store=demo&model=embedded&measure=ccs": "What the numbers mean",
}
SHORT = {  # links that name less, or what is the default now, and what the page fills in
    "/gender?model=embedded&unit=bits&scale=information": {"model": "embedded", "unit": "bits"},
    f"{EXPLORER}&mode=cpid&seed=2": {"run": "06fe32d3a40d"},
    "/explorer?prompt=a+female+doctor": {"model": "embedded", "pair": "female+doctor", "mode": "pid", "seed": "0"},
    "/intervention?model=embedded": {"prompt": "a cat and a car", "word": "cat", "change": "removed", "mode": "cpid"},
    "/homonyms?model=embedded&word=bat": {"study": "embedded-homonyms", "seed": "0"},  # of which most images are right
}


def parts_of(link: str) -> tuple[str, dict[str, str]]:
    """The script of the page that a link opens, and its parameters."""
    parts = urlsplit(link)
    return f"{parts.path.strip('/') or 'overview'}.py", dict(parse_qsl(parts.query))


@pytest.mark.parametrize("link", LINKS)
def test_a_link_to_a_whole_view_opens_it_and_stays_as_it_is(opened, demo_store, link):
    script, parameters = parts_of(link)
    page = opened(script, demo_store, **parameters)
    assert page.address == parameters
    headings = [each.value.replace("\\", "") for each in (*page.app.title, *page.app.subheader)]
    assert any(LINKS[link] in heading for heading in headings)
    assert not page.app.error and "does not hold" not in page.said


@pytest.mark.parametrize("link", SHORT)
def test_what_a_link_leaves_open_is_filled_in(opened, demo_store, link):
    script, parameters = parts_of(link)
    page = opened(script, demo_store, **parameters)
    assert page.address.items() >= SHORT[link].items()
    assert not page.app.error and "does not hold" not in page.said


def test_a_store_with_files_of_every_format_is_listed_opened_and_sound(opened, tmp_path):
    records = {}
    for archive in sorted(ARCHIVES.glob("format_*.h5")):
        records[archive.stem] = record = hdf5.read(archive)
        path = hdf5.path_of(tmp_path / archive.stem, record.key)
        path.parent.mkdir(parents=True)
        shutil.copy(archive, path)
        assert hdf5.problems(path) == []
    assert len(records) >= hdf5.FORMAT_VERSION - 1  # of the newest one all other tests are
    for name, record in records.items():
        pair = record.pairs[0].pair.name
        address = {"model": record.key.model, "prompt": record.key.prompt, "pair": pair, "seed": str(record.seeds[0])}
        page = opened("explorer.py", tmp_path / name, **address)
        assert page.address.items() >= address.items() and page.figures() >= 2
        assert record.key.prompt in page.go("overview.py").said


@pytest.fixture
def kept(tmp_path):
    """A store with the jobs and notes of an earlier version."""
    shutil.copy(ARCHIVES / "jobs_1.sqlite", tmp_path / JOBS)
    shutil.copy(ARCHIVES / "notes_1.sqlite", tmp_path / NOTES)
    return tmp_path


def test_the_page_of_jobs_shows_earlier_ones(opened, kept):
    page = opened("jobs.py", kept)
    for text in (
        "female + doctor in 'a female doctor'",
        "study embedded-gender, first 2",
        "1 of 12 images could not be measured",
        "male + doctor in 'a doctor'",
        "red + cat in 'cat.png'",
        "by Dan",
    ):
        assert text in page.said
    labels = [each.label for each in page.app.button]
    assert (labels.count("Cancel"), labels.count("Retry")) == (2, 3)
