"""The list of what the store holds: in step with the files, whatever happens to it, and asked in many ways."""

import itertools
import json
import math
import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from store import hdf5
from store.__main__ import main
from store.catalogue import NAME, SORTS, Catalogue, Filter, Summary, images, reader
from store.errors import InputError
from store.pid.decomposition import PARTS
from store.pid.information import LEVELS, STANDARD_MAPS
from store.records import Label
from tests import synthetic

HOSTILE = [
    '"',
    '""',
    "''",
    "*",
    "doc*",
    "^doctor",
    "NEAR",
    "NEAR(a b, 2)",
    "female NOT doctor",
    "AND",
    "OR OR",
    "-doctor",
    "prompt: doctor",
    "{a b}",
    "(",
    "\0",
    "a\0b",
    "\ud800",
    "%",
    "_",
    "; DROP TABLE entries",
    "\u200d",
    "a " * 5000,
    "x" * 100_000,
]


def small(prompt: str, words: tuple[str, str], day: int = 1, **about):
    """A record that is quickly written."""
    created = f"2026-01-{day:02}T00:00:00+00:00"
    return synthetic.record(prompt, words, created=created, **synthetic.SMALL | about)


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """Thirty prompts of two models, 60 entries, three days."""
    root = tmp_path_factory.mktemp("several")
    for number in range(30):
        model, subject = ("embedded", "other")[number % 2], ("nurse", "pilot")[number % 3 > 0]
        hdf5.publish(root, small(f"a {subject} in room {number}", ("a", subject), number % 3 + 1, model=model))
    return root


@pytest.fixture
def told(tmp_path):
    """A store of three pairs, two of which belong to two studies each."""
    for day, prompt, words in (
        (1, "a female doctor", ("female", "doctor")),
        (1, "a female doctor", ("a", "doctor")),
        (2, "a male doctor", ("male", "doctor")),
    ):
        record = small(prompt, words, day=day)
        labels = (Label("gender", words[0], "doctor"), Label("pilot", words[0], prompt)) if words[0] != "a" else ()
        hdf5.publish(tmp_path, replace(record, pairs=(replace(record.pairs[0], labels=labels),)))
    return tmp_path


def prompts(root: Path, text: str) -> set[str]:
    return set(Catalogue(root).values("prompt", Filter(text=text)))


def test_entries_carry_totals_and_can_be_searched(filled):
    catalogue = Catalogue(filled)
    found = list(catalogue.entries(Filter(text="FEMALE")))
    expected = {("embedded", pair) for pair in ("female+doctor", "a+doctor", "male+doctor")}
    assert {(entry.key.model, entry.pair) for entry in found} == expected | {("stable-diffusion-1.5", "female+doctor")}
    for entry in found:
        totals = {name: value for name, (value, _) in entry.totals.items()}
        assert totals["redundancy"] + totals["unique_first"] == pytest.approx(totals["information_first"])
    assert catalogue.count(Filter(model="stable-diffusion-1.5")) == 2
    assert catalogue.summary() == Summary(prompts=7, pairs=10, images=4 * 7 + 2, models=2)
    assert catalogue.summary(Filter(text="doctor", model="embedded")) == Summary(3, 5, 12, 1)


def test_it_follows_the_files_and_may_be_deleted(filled):
    catalogue = Catalogue(filled)
    before = catalogue.count()
    catalogue.page()[0].path.unlink()
    assert catalogue.count() == before - 2
    (filled / NAME).unlink()
    assert catalogue.count() == before - 2
    hdf5.publish(filled, synthetic.record("a new prompt", ("new", "prompt")))
    assert catalogue.count(Filter(text="new prompt")) == 2


@pytest.mark.parametrize("kept", [0, 4096, 10 * 4096, -1])
def test_a_damaged_or_foreign_catalogue_is_built_anew(filled, kept):
    expected = list(Catalogue(filled).entries())
    path = filled / NAME
    path.write_bytes(path.read_bytes()[:kept] if kept >= 0 else b"no database at all" * 100)
    assert list(Catalogue(filled).entries()) == expected
    path.unlink()
    sqlite3.connect(path).execute("CREATE TABLE entries (something)")
    assert list(Catalogue(filled).entries()) == expected


def test_damage_within_is_mended(filled):
    expected = list(Catalogue(filled).entries())
    with (filled / NAME).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 40 * 4096)
    assert list(Catalogue(filled).entries()) == expected


def test_an_empty_or_missing_store_lists_nothing(tmp_path):
    for root in (tmp_path, tmp_path / "missing"):
        catalogue = Catalogue(root)
        assert list(catalogue.entries()) == catalogue.page() == catalogue.values("prompt") == catalogue.broken() == []
        assert catalogue.summary() == Summary(0, 0, 0, 0)
        assert catalogue.samples().empty and list(catalogue.rebuild()) == []
    assert not (tmp_path / "missing").exists()


def test_only_folders_that_changed_are_looked_into(filled, monkeypatch):
    catalogue = Catalogue(filled)
    catalogue.count()
    for folder in hdf5.folders(filled):
        os.utime(folder, (1, 1))
    assert catalogue.count()
    looked, plain = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: looked.append(Path(folder)) or plain(folder))
    before = catalogue.stamp()
    catalogue.count()
    folders = set(hdf5.folders(filled))
    assert not folders & set(looked)
    path = hdf5.publish(filled, synthetic.record("a new prompt", ("new", "prompt")))
    assert catalogue.stamp() != before
    looked.clear()
    assert any(entry.path == path for entry in catalogue.entries())
    assert {folder for folder in looked if len(folder.relative_to(filled).parts) == 3} == {path.parent}


def test_the_stamp_rests_when_the_files_do(filled):
    catalogue = Catalogue(filled)
    for folder in hdf5.folders(filled):
        os.utime(folder, (1, 1))
    assert catalogue.stamp() == catalogue.stamp()
    next(hdf5.folders(filled)).touch()
    assert catalogue.stamp() != catalogue.stamp()  # what comes next may share its time


def test_files_that_cannot_be_used_are_named(filled):
    path = next(hdf5.paths(filled))
    synthetic.truncate(path)
    path.parent.touch()
    ((where, problem),) = Catalogue(filled).broken()
    assert where == path and "`python -m store repair`" in problem
    assert path not in {entry.path for entry in Catalogue(filled).entries()}


def test_where_the_store_cannot_be_written_the_cache_holds_it(filled, tmp_path, monkeypatch):
    expected = list(Catalogue(filled).entries())
    (filled / NAME).unlink()
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != filled and may(path, mode))
    monkeypatch.setenv("DIFFUSIONPID_CACHE", str(tmp_path / "cache"))
    assert list(Catalogue(filled).entries()) == expected
    assert not (filled / NAME).exists()
    assert len(list((tmp_path / "cache" / "catalogues").glob("*.sqlite"))) == 1
    (tmp_path / "file").touch()
    monkeypatch.setenv("DIFFUSIONPID_CACHE", str(tmp_path / "file"))
    catalogue = Catalogue(filled)
    assert list(catalogue.entries()) == expected
    assert list(catalogue.rebuild()) == []
    hdf5.publish(filled, synthetic.record("a new prompt", ("new", "prompt")))
    assert catalogue.count() == len(expected) + 2
    reader._kept.cache_clear()


def test_values_that_are_not_finite_are_listed_and_come_last(tmp_path):
    hdf5.publish(tmp_path, small("a broken bowl", ("broken", "bowl"), infinite=True))
    hdf5.publish(tmp_path, small("a whole bowl", ("whole", "bowl")))
    catalogue = Catalogue(tmp_path)
    assert not all(math.isfinite(entry.totals["synergy"][1]) for entry in catalogue.entries(Filter(text="broken")))
    with sqlite3.connect(tmp_path / NAME) as database:
        database.execute("UPDATE entries SET redundancy = NULL WHERE prompt = 'a broken bowl'")
    for descending in (True, False):
        found = [entry.key.prompt for entry in catalogue.page(sort="redundancy", descending=descending)]
        assert found == ["a whole bowl"] * 2 + ["a broken bowl"] * 2
        found = [entry.totals["redundancy"][0] for entry in catalogue.page(sort="redundancy", descending=descending)]
        assert found[0] > found[1] if descending else found[0] < found[1]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [True, False])
def test_pages_together_are_the_whole_list_in_order(several, sort, descending):
    catalogue = Catalogue(several)
    pages = [catalogue.page(sort=sort, descending=descending, limit=7, offset=offset) for offset in range(0, 63, 7)]
    found = [entry for page in pages for entry in page]
    assert [len(page) for page in pages] == [7] * 8 + [4]
    assert len({(entry.path, entry.pair, entry.mode) for entry in found}) == catalogue.count() == 60
    values = {"created": lambda e: e.created, "prompt": lambda e: e.key.prompt, "pair": lambda e: e.pair}
    values["seeds"] = lambda e: e.seeds
    order = [values.get(sort, lambda e: e.totals[sort][0])(entry) for entry in found]
    assert order == sorted(order, reverse=descending)


def test_ties_fall_alike_in_another_catalogue(several, tmp_path):
    before = [entry.path.name for entry in Catalogue(several).page(sort="seeds", limit=60)]
    for path in sorted(hdf5.paths(several), reverse=True):
        copy = tmp_path / path.relative_to(several)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
        Catalogue(tmp_path).count()
    assert [entry.path.name for entry in Catalogue(tmp_path).page(sort="seeds", limit=60)] == before


def test_what_cannot_be_asked_is_named_with_what_can(several):
    with pytest.raises(InputError, match="seeds, information_first"):
        Catalogue(several).page(sort="entries.id; DROP TABLE entries")
    with pytest.raises(InputError, match="model, prompt, pair, run"):
        Catalogue(several).values("path")


@pytest.mark.parametrize("few", [0, 3, 500])
def test_each_filter_narrows_alone_and_together(several, monkeypatch, few):
    monkeypatch.setattr("store.catalogue.query.FEW", few)
    catalogue = Catalogue(several)
    every = list(catalogue.entries())
    one = every[17]
    for change, holds in (
        ({"model": "other"}, lambda e: e.key.model == "other"),
        ({"mode": "cpid"}, lambda e: e.mode == "cpid"),
        ({"prompt": one.key.prompt}, lambda e: e.key.prompt == one.key.prompt),
        ({"pair": "a+nurse"}, lambda e: e.pair == "a+nurse"),
        ({"run": one.run}, lambda e: e.run == one.run),
        ({"path": one.path}, lambda e: e.path == one.path),
        ({"run": one.run, "text": "room", "prompt": one.key.prompt}, lambda e: e.path == one.path),
        ({"text": "pilot room"}, lambda e: "pilot" in e.key.prompt),
        ({"text": "nurse", "model": "other", "mode": "pid"}, lambda e: (e.key.model, e.mode) == ("other", "pid")),
    ):
        wanted = Filter(**change)
        expected = [entry for entry in every if holds(entry) and (wanted.text != "nurse" or "nurse" in entry.pair)]
        assert expected and list(catalogue.entries(wanted)) == catalogue.page(wanted) == expected, change
        assert catalogue.count(wanted) == len(expected)
        backwards = sorted(catalogue.page(wanted, sort="prompt", descending=False), key=every.index)
        assert backwards == expected
    assert catalogue.page(replace(wanted, path=one.path.parents[5])) == []
    assert catalogue.count(Filter(prompt=one.key.prompt.upper())) == 0


def test_values_are_listed_newest_first(several):
    catalogue = Catalogue(several)
    newest = catalogue.values("prompt", limit=12)
    listed = list(dict.fromkeys(entry.key.prompt for entry in catalogue.entries()))
    assert newest == listed[:12] and catalogue.values("prompt") == listed
    assert set(catalogue.values("model")) == {"embedded", "other"} == set(catalogue.values("model", limit=2))
    assert catalogue.values("mode", Filter(run=catalogue.page()[0].run)) == ["pid", "cpid"]
    assert catalogue.values("pair", Filter(text="nurse")) == ["a+nurse"]
    assert len(catalogue.values("run", Filter(model="other"))) == 15


def test_a_list_of_few_values_among_many_entries_is_complete(several, monkeypatch):
    monkeypatch.setattr("store.catalogue.query.RECENT", 1)
    assert set(Catalogue(several).values("model", limit=3)) == {"embedded", "other"}
    assert Catalogue(several).values("pair", limit=1) == [Catalogue(several).page()[0].pair]


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_can_be_searched_for(several, text):
    catalogue = Catalogue(several)
    found = [entry.key.prompt for entry in catalogue.entries(Filter(text=text))]
    assert len(found) == catalogue.count(Filter(text=text))
    catalogue.values("prompt", Filter(text=text, model=text, study=text, mode=text))
    for name in ("model", "prompt", "pair", "run", "mode", "study"):
        assert catalogue.count(Filter(**{name: text})) == 0


def test_words_of_any_script_are_found_by_their_start(tmp_path):
    texts = [
        "A Großer Vogel",
        "एक हिन्दी शब्द",
        "猫 と 犬",
        "a \U0001f642 face",
        "naïve café",
        "über-fish",
        "a 'quoted' word",
    ]
    for prompt in texts:
        hdf5.publish(tmp_path, small(prompt, ("this", "that"), probe=True))
    for wanted, number in {
        "vogel": 0,
        "GROSSER": None,
        "gro v": 0,
        "हिन्दी": 1,
        "हि": 1,
        "犬": 2,
        "\U0001f642": 3,
        "cafe": 4,
        "CAFÉ": 4,
        "fish": 5,
        "uber-fi": 5,
        '"quoted"': 6,
        "word fish": None,
    }.items():
        assert prompts(tmp_path, wanted) == ({texts[number]} if number is not None else set()), wanted
    assert prompts(tmp_path, "a") == {texts[0], texts[3], texts[6]}
    assert prompts(tmp_path, " ") == set(texts)


@pytest.mark.parametrize("few", [0, 500])
def test_labels_are_listed_and_filtered(told, monkeypatch, few):
    monkeypatch.setattr("store.catalogue.query.FEW", few)
    catalogue = Catalogue(told)
    by_pair = {entry.pair: entry.labels for entry in catalogue.entries()}
    assert by_pair["male+doctor"] == (Label("gender", "male", "doctor"), Label("pilot", "male", "a male doctor"))
    assert by_pair["a+doctor"] == ()
    assert catalogue.count(Filter(study="gender")) == 4
    assert catalogue.count(Filter(study="gender", attribute="male")) == 2
    assert catalogue.count(Filter(study="gender", subject="a male doctor")) == 0  # it is that of another label
    assert catalogue.count(Filter(attribute="female", mode="cpid", text="doctor")) == 1
    assert catalogue.count(Filter(study="pilot", prompt="a male doctor", pair="male+doctor")) == 2
    assert catalogue.summary(Filter(study="gender", text="a")) == Summary(2, 2, 4, 1)
    assert catalogue.summary(Filter(study="none")) == Summary(0, 0, 0, 0)
    assert set(catalogue.values("study")) == {"gender", "pilot"}
    assert catalogue.values("attribute", Filter(study="gender")) == ["male", "female"]
    assert catalogue.values("subject", Filter(study="gender")) == ["doctor"]
    hdf5.path_of(told, small("a male doctor", ("male", "doctor")).key).unlink()
    assert catalogue.values("attribute") == ["female"]


def test_samples_of_images_are_split_under_each_measure_and_level(told):
    catalogue = Catalogue(told)
    found = catalogue.samples(Filter(prompt="a male doctor", mode="pid", study="gender"))
    assert tuple(found.columns) == images.COLUMNS
    (result,) = hdf5.read(hdf5.path_of(told, small("a male doctor", ("male", "doctor")).key)).pairs
    assert set(found["seed"].dropna()) == set(result.seeds)
    assert set(found[found["seed"].isna()]["level"]) == {"prompt"}
    assert set(zip(found["measure"], found["level"], strict=True)) == set(
        itertools.product(("mmi", "aligned", "ccs"), LEVELS)
    )
    for (measure, level), rows in found.groupby(["measure", "level"]):
        expected = result.decomposition("pid", measure, level)
        rows = rows.sort_values("seed")
        np.testing.assert_allclose(rows["information_both"], expected["both"].total, rtol=1e-3)
        for name in STANDARD_MAPS:
            np.testing.assert_allclose(rows[name], expected[name].total, rtol=1e-3)
        for name in PARTS:
            np.testing.assert_allclose(rows[name], expected[name].total, rtol=2e-3, atol=2e-3)
    (about,) = {tuple(row) for row in found[["model", "prompt", "first", "mode", "study", "attribute"]].to_numpy()}
    assert about == ("embedded", "a male doctor", "male", "pid", "gender", "male")
    every = catalogue.samples()
    rows = 6 * len(result.seeds) + 3  # of single images, and of all together
    assert len(every) == rows * 2 * (2 + 2 + 1)  # in two modes, two pairs have two labels each, one has none
    assert set(every[every["first"] == "a"]["study"]) == {""}
    assert list(catalogue.samples(Filter(study="none")).dtypes) == list(every.dtypes)


def test_files_of_any_number_of_entries_are_streamed(several, monkeypatch):
    monkeypatch.setattr("store.catalogue.query.CHUNK", 7)
    catalogue = Catalogue(several)
    assert list(catalogue.entries()) == catalogue.page(limit=100)
    assert list(catalogue.entries(Filter(text="nurse"))) == catalogue.page(Filter(text="nurse"), limit=100)


def test_commands_list_show_and_rebuild(filled, capsys):
    def said(*words: str) -> str:
        assert main([*words, "--store", str(filled)]) == 0
        return capsys.readouterr().out

    assert said("ls").count("\n") == 1 + 18
    assert said("ls", "--limit", "3").count("\n") == 1 + 3
    listed = json.loads(said("ls", "--json", "--text", "female", "--model", "embedded"))
    assert {(entry["prompt"], entry["first"]) for entry in listed} == {
        ("a female doctor", first) for first in ("a", "female", "male")
    }
    assert all(len(entry["totals"]["synergy"]) == 2 and entry["labels"] == [] for entry in listed)
    assert json.loads(said("ls", "--json", "--study", "gender")) == []
    assert said("show", "a female doctor", "--pair", "doctor", "a").count(" 4 images, ") == 2
    assert said("reindex") == "18 entries\n"
    assert main(["show", "a cat", "--store", str(filled)]) == main(["ls", "--limit", "-1", "--store", str(filled)]) == 2


def test_a_file_that_was_changed_in_place_is_seen_once_it_is_listed(tmp_path):
    """Damage does not change the time of a folder."""
    path = hdf5.publish(tmp_path, synthetic.record(**synthetic.SMALL))
    other = hdf5.publish(tmp_path, synthetic.record("a toy bear", ("toy", "bear"), **synthetic.SMALL))
    for folder in {path.parent, other.parent}:
        os.utime(folder, (1_000_000_000, 1_000_000_000))
    catalogue = Catalogue(tmp_path)
    assert catalogue.count() == 4 and not catalogue.broken()
    with path.open("r+b") as file:
        file.truncate(1000)
    assert {entry.path for entry in catalogue.page()} == {other} == {entry.path for entry in catalogue.entries()}
    assert [broken for broken, _ in catalogue.broken()] == [path]
