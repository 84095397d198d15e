"""`python -m store table` on stores of a bias study and an intervention, and what it refuses."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from store import hdf5, settings, studies, tables
from store.__main__ import main, parser
from store.catalogue import Catalogue
from store.recognition import SeenImage, Sightings, stored
from store.studies import NEUTRAL
from tests import synthetic
from tests.conftest import ROOT

BIAS = """
title = "Jobs"
question = "Who?"
kind = "bias"
template = "a {attribute} {subject}"
attributes = ["young", "old"]
subjects = ["doctor", "nurse"]
[neutral]
template = "a {subject}"
[published]
source = "Somebody 2020"
table = "table 3"
model = "another one"
quantity = "share"
values.nurse = { young = 0.25, old = 0.75 }
average = { young = 0.5, old = 0.5 }
"""
WITHOUT = """
title = "Without"
question = "What?"
kind = "intervention"
[[sentence]]
prompt = "a cat and a car"
word = "cat"
beside = "car"
swap = "dog"
[[sentence]]
prompt = "a cow and a star"
word = "star"
beside = "cow"
"""
MICE = """
title = "Mice"
question = "Which one?"
kind = "pairs"
[[sentence]]
prompt = "a wild mouse"
pair = ["mouse", "wild"]
sense = "animal"
[[sentence]]
prompt = "a computer mouse"
pair = ["mouse", "computer"]
sense = "device"
[[sentence]]
prompt = "a car"
probe = ["car", "automobile"]
group = "synonym"
control = "fox"
"""
SMALL = {"size": 16, "grid": 4}
ROW = r"-?\d+\.\d\d \[-?\d+\.\d\d, -?\d+\.\d\d\]"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    (folder / "studies").mkdir()
    for name, content in (("jobs", BIAS), ("without", WITHOUT), ("mice", MICE)):
        (folder / "studies" / f"{name}.toml").write_text(content)
        for guidance in (1.0, 3.0)[: 1 + (name == "jobs")]:
            synthetic.of_study(folder / "store", studies.load(name, folder / "store"), guidance, **SMALL)
    return folder / "store"


@pytest.fixture
def said(root, capsys):
    def run(*words: str) -> str:
        assert main(["table", *words, "--store", str(root)]) == 0
        return capsys.readouterr().out

    return run


def test_every_table_has_its_rows(said):
    lines = said("jobs").splitlines()
    assert lines[0].startswith("Jobs: redundancy in nats, aligned, pixel level, pid; model embedded, guidance 1")
    assert lines[0].endswith("; 64 noises an image; seeds: 4 a prompt")
    for subject in ("doctor", "nurse"):
        assert re.search(rf"^{subject} +{ROW} +{ROW} ", "\n".join(lines), re.MULTILINE)
    neutral = said("jobs", "--probe", "neutral")
    assert re.search(rf"^nurse +{ROW} +{ROW} .*{ROW}", neutral, re.MULTILINE) and "contrast old" in neutral
    assert re.search(r"^doctor +(young|old) +\d+% ", said("jobs", "--stability"), re.MULTILINE)
    square = said("jobs", "--sensitivity").splitlines()
    assert len(square) == 2 + 9 and all(len(re.findall(r"-?\d\.\d\d", line)) == 9 for line in square[2:])
    assert len(said("jobs", "--by-setting").splitlines()) == 2 + 4
    guided = said("jobs", "--guidance", "3", "1")
    assert "guidance 3, 1" in guided and re.search(rf"^nurse .*{ROW}$", guided, re.MULTILINE)
    assert "guidance 3" in said("jobs", "--guidance", "3").splitlines()[0]
    published = said("jobs", "--published")
    assert "published: another one; share; table 3. Somebody 2020" in published
    assert re.search(r"^nurse .* 0\.25 +0\.75$", published, re.MULTILINE)
    effects = said("without")
    assert len(re.findall(rf"pixels +{ROW}", effects)) >= 2 and "conditional" in effects and "attention" in effects
    assert len(said("without", "--by-image").splitlines()) == 2 + 4 * 3
    senses = said("mice", "--senses")
    assert re.search(rf"^a wild mouse +animal +{ROW} +{ROW} +\d of 4 +\w", senses, re.MULTILINE)
    for words in ((), ("--quantity", "alignment")):
        beside = said("mice", "--controls", *words)
        assert re.search(rf"^a car +car \+ automobile +{ROW} +fox +{ROW} +{ROW}$", beside, re.MULTILINE)


def test_a_table_says_whether_the_chain_rule_closes(said):
    for name, prompts in (("jobs", 4), ("without", 2), ("mice", 2)):
        table = said(name, "--closing")
        assert re.search(rf"^pid, guidance 1 +-?\d+\.\d\d .* {prompts} +{4 * prompts} +(yes|no)$", table, re.MULTILINE)
        assert ("does not close" in said(name)) == ("does not close" in table)


def test_failed_images_are_left_out_of_tables_of_every_kind(root, tmp_path, capsys):
    store = tmp_path / "store"
    shutil.copytree(root, store)
    shutil.copytree(root.parent / "studies", tmp_path / "studies")
    seen = {}
    for entry in Catalogue(store).entries():  # the first of four images fails
        seen[entry.path] = {seed: SeenImage(entry.key.prompt, 0.9, seed > 0) for seed in range(4)}
    stored.add(store, "embedded", Sightings("clip", "abc", "transformers", stored.named(seen)))

    def asked(*words: str) -> str:
        assert main(["table", *words, "--failed", "leave", "--store", str(store)]) == 0
        return capsys.readouterr().out

    assert "6 of 24 images do not show what their prompt asks for, by clip abc, and are left out" in asked("jobs")
    out = tmp_path / "table.json"
    asked("jobs", "--out", str(out))
    about = json.loads(out.read_text())
    assert about["about"]["failed_images"] == "left out" and '"seeds young": 3' in json.dumps(about)
    assert "clip abc" in asked("jobs", "--probe", "neutral") and "clip abc" in asked("jobs", "--guidance", "1", "3")
    assert len(asked("without", "--by-image").splitlines()) == 2 + 3 * 3 + 1
    assert re.search(r"^a wild mouse .* \d of 3 +\w", asked("mice", "--senses"), re.MULTILINE)
    stored.place(store, "embedded").unlink()
    assert main(["table", "jobs", "--failed", "leave", "--model", "x", "--store", str(store)]) == 2


def test_what_is_not_there_yet_is_said(root, tmp_path, capsys):
    shutil.copytree(root, tmp_path / "store")
    shutil.copytree(root.parent / "studies", tmp_path / "studies")
    gone = [("a cow and a", True, 1.0), ("a young nurse", False, 1.0), ("an old nurse", False, 1.0)]
    for prompt, probe, guidance in gone:
        words = ("cow", "star") if probe else tuple(prompt.split()[1:])
        record = synthetic.record(prompt, words, probe=probe, guidance=guidance)
        hdf5.path_of(tmp_path / "store", record.key).unlink()
    assert main(["table", "without", "--store", str(tmp_path / "store")]) == 0
    assert "4 of the images removed are not there" in capsys.readouterr().out
    assert main(["table", "jobs", "--store", str(tmp_path / "store")]) == 0
    assert "1 of 2 subjects are there so far" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["csv", "json", "tex", "md"])
@pytest.mark.parametrize(
    "asked",
    [
        ["jobs"],
        ["jobs", "--published"],
        ["jobs", "--probe", "neutral"],
        ["jobs", "--stability"],
        ["jobs", "--sensitivity"],
        ["jobs", "--by-setting"],
        ["jobs", "--guidance", "1", "3"],
        ["without"],
        ["without", "--by-image"],
        ["mice", "--senses"],
        ["mice", "--controls"],
    ],
    ids=" ".join,
)
def test_every_table_can_be_written(said, tmp_path, asked, kind):
    out = tmp_path / f"table.{kind}"
    assert said(*asked, "--out", str(out)) == f"{out}\n"
    text = out.read_text(encoding="utf-8-sig")
    if kind == "csv":
        assert len(pd.read_csv(out)) >= 2
    elif kind == "json":
        document = json.loads(text, parse_constant=pytest.fail)
        assert document["about"]["model"] == "embedded" and document["about"]["guidance"] in (1, [1, 3])
    elif kind == "tex":
        assert text.count(r"\toprule") == text.count(r"\bottomrule") == 1
    else:
        assert text.startswith("| ")


def test_the_probe_is_that_of_the_files(root):
    asked = studies.load("jobs", root)
    samples = tables.samples_of(
        Catalogue(root), asked, model="embedded", part=NEUTRAL, mode="pid", **tables.OF_ALIGNMENT
    )
    table = tables.neutral_probe(samples)
    key = synthetic.record("a nurse", ("old", "nurse"), probe=True).key
    record = hdf5.read(hdf5.path_of(root, key))
    young, old = (record.result((word, "nurse")).decomposition("pid", "aligned", "image") for word in ("young", "old"))
    row = table.loc["nurse"]
    assert row["alignment", "old"] == pytest.approx(old["alignment"].total.mean(), rel=1e-2)
    assert row["information", "young"] == pytest.approx(young["first"].total.mean(), rel=1e-2)
    expected = (old["standard_both"].total - young["standard_both"].total).mean()
    assert row["contrast", "old"] == pytest.approx(expected, rel=2e-2)
    assert list(table["information"]) == ["young", "old"]  # as the study has them


def test_the_prompt_level_averages_maps_first(root):
    samples = tables.samples_of(Catalogue(root), studies.load("jobs", root), model="embedded", mode="pid")
    found = tables.by_setting(samples)
    record = hdf5.read(hdf5.path_of(root, synthetic.record("an old nurse", ("old", "nurse")).key))
    maps = {name: values.mean((0, 1)) for name, values in record.pairs[0].information["pid"].maps.maps.items()}
    expected = np.minimum(maps["first"], maps["second"]).sum()
    assert found.loc[("nurse", "old"), ("mmi", "prompt")] == pytest.approx(expected, rel=1e-3)
    assert found.loc[("nurse", "old"), ("mmi", "pixel")] < expected


def test_the_commands_of_the_documentation_are_understood():
    text = (ROOT / "docs" / "tables.md").read_text()
    commands = re.findall(r"`store (table [^`]+)`", text)
    assert len(commands) >= 8
    for command in commands:
        assert parser(command.split(), settings.Settings()).parse_args(command.split()).study in studies.names()


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (["without", "--stability"], "--stability: without is of kind intervention"),
        (["homonyms", "--guidance", "1", "3"], "--guidance: embedded-homonyms is of kind pairs"),
        (["jobs", "--senses"], "--senses: jobs is of kind bias"),
        (["embedded-synonyms", "--senses"], "its sentences name no senses"),
        (["mice", "--quantity", "alignment"], "quantity alignment: this table is not made of it; add --controls"),
        (["jobs", "--by-image"], "--by-image: jobs is of kind bias"),
        (["jobs", "--stability", "--guidance", "1", "3"], "--stability at several guidances"),
        (["jobs", "--guidance", "2"], "only guidance 1, 3 is in the store; compute it: .* --guidance 2"),
        (["jobs", "--measure", "pm"], "measure 'pm': nothing is there; use one of"),
        (["gender", "--model", "other", "--published"], "nothing of it is in the store"),
    ],
)
def test_what_is_not_there_is_refused_with_the_mend(root, capsys, asked, reason):
    assert main(["table", *asked, "--store", str(root)]) == 2
    assert re.search(reason, capsys.readouterr().err)
