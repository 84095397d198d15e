"""`python -m compute study` and the table of it: the embedded model, continued and killed."""

import re
import signal
import subprocess
import sys
import time

from compute.__main__ import main as compute
from store import hdf5
from store.__main__ import main as show
from store.catalogue import Catalogue, Filter
from store.tables import select
from tests.budget import soak
from tests.conftest import ROOT

QUICK = ["gender", "--model", "embedded", "--limit", "1", "--seeds", "2", "--noises", "16"]

ODD = """
title = "Odd words"
question = "What of them?"
kind = "pairs"
[[sentence]]
prompt = "a cat and a dog"
pair = ["cat", "dog"]
group = "plain"
[[sentence]]
prompt = "é cat ü"
pair = ["é", "ü"]
group = "odd"
"""


def test_a_study_goes_on_where_it_was_and_its_table_is_there(tmp_path, capsys):
    assert compute(["study", *QUICK, "--seeds", "1", "--store", str(tmp_path)]) == 0
    before = {path: path.stat().st_mtime_ns for path in hdf5.paths(tmp_path)}
    for expected in (3, 0):
        assert compute(["study", *QUICK, "--store", str(tmp_path)]) == 0
        said = capsys.readouterr().err
        assert int(re.findall(r"3 prompts, (\d+) of them open", said)[-1]) == expected
        assert not expected or re.search(r"\[\d\d:\d\d<\d\d:\d\d", said)  # the time that it will take
    assert {len(hdf5.read(path).seeds) for path in before} == {2}
    assert all(hdf5.problems(path) == [] for path in hdf5.paths(tmp_path))

    samples = Catalogue(tmp_path).samples(Filter(study="embedded-gender"))
    cells = select(samples, mode="pid", measure="mmi", level="pixel").groupby(["subject", "attribute"]).size()
    assert len(cells) == 2 and set(cells) == {2}
    assert show(["table", "gender", "--model", "embedded", "--store", str(tmp_path)]) == 0
    rows = re.findall(r"^(\w+) .*?\[.*?\].*?\[.*?\]", capsys.readouterr().out, re.MULTILINE)
    assert rows == ["doctor"]
    out = tmp_path / "table.tex"
    assert show(["table", "gender", "--store", str(tmp_path), "--measure", "aligned", "--out", str(out)]) == 0
    assert r"\toprule" in out.read_text()


@soak
def test_a_study_that_is_killed_goes_on(tmp_path, capsys):
    asked = [sys.executable, "-m", "compute", "study", *QUICK, "--store", str(tmp_path)]
    first = subprocess.Popen(asked, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not list(hdf5.paths(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    kept = {path: path.stat().st_mtime_ns for path in hdf5.paths(tmp_path) if len(hdf5.read(path).seeds) == 2}
    assert compute(["study", *QUICK, "--store", str(tmp_path)]) == 0
    assert f"3 prompts, {3 - len(kept)} of them open" in capsys.readouterr().err
    assert all(path.stat().st_mtime_ns == written for path, written in kept.items())
    assert all(hdf5.problems(path) == [] for path in hdf5.paths(tmp_path))


def test_what_the_model_cannot_read_is_said_before_anything_is_computed(tmp_path, epsilon_folder, capsys):
    (tmp_path / "odd.toml").write_text(ODD)
    asked = ["study", str(tmp_path / "odd.toml"), "--model", str(epsilon_folder), "--seeds", "1", "--noises", "16"]
    assert compute([*asked, "--store", str(tmp_path / "store")]) == 1
    said = capsys.readouterr().err
    note, failed = said.index("never trained with 'é', 'ü'"), said.index("the same tokens")
    assert note < said.index("2 prompts, 2 of them open") < failed < said.index("a cat and a dog: image 1 of 1")
    assert [hdf5.read(path).key.prompt for path in hdf5.paths(tmp_path / "store")] == ["a cat and a dog"]
    assert compute([*asked, "--limit", "1", "--store", str(tmp_path / "store")]) == 0
    assert "never trained" not in capsys.readouterr().err


def test_what_cannot_be_asked_is_said(tmp_path, capsys):
    for wrong, said in ((["nothing"], "not known"), (["embedded-gender", "--model", "sd-1.5"], "it is for model")):
        assert compute(["study", *wrong, "--limit", "1", "--store", str(tmp_path)]) != 0
        assert said in capsys.readouterr().err
    assert show(["table", "gender", "--store", str(tmp_path)]) == 2
    assert "python -m compute study" in capsys.readouterr().err
