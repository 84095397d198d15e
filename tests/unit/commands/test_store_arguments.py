"""Whatever `python -m store` is given, it answers with one line and an exit code that is not 0."""

import os
import time

import pytest

from store import hdf5
from store.__main__ import COMMANDS, main
from tests import synthetic
from tests.conftest import ROOT

LONG, DIGITS = "x" * 5000, "9" * 5000
COMMANDLINES = ("ls", "show a", "check", "export --csv x.csv", "reindex")
STORES = (LONG, "", "--", "\0", "\ud800", "/dev/null", "no such folder")
ODD = [
    *([*command.split(), "--store", value] for command in COMMANDLINES for value in STORES),
    *(["ls", "--limit", value] for value in (DIGITS, "9" * 30, "-1", "nan", "")),
    *(["show", "a female doctor", "--region", "0", "0", "8", value] for value in ("nan", "inf", "1e400", "x", "-5")),
    ["show", "\ud800"],
    ["show", LONG],
    ["show", "a female doctor", "--pair", "female", "female"],
    ["show", "a female doctor", "--measure", "pm"],
    ["show", "a female doctor", "--measure", "\ud800"],
    *(["table", "gender", "--guidance", value] for value in ("nan", "inf", "1e400", "-5", "")),
    *(["table", value] for value in (LONG, "", "../../etc/passwd", "\ud800", "/dev/zero", "/dev/zero.toml", ".toml")),
    ["table", "gender", "--measure", LONG],
    ["table", "gender", "--model", "\ud800"],
    *(["import", value] for value in ("", LONG, "/dev/null", "/", "\ud800", "missing.h5", "\0")),
    *(["export", "--csv", value] for value in ("/dev/null", "/", "", LONG, "no/such/folder/x.csv", "x\0.csv")),
    ["export", "--h5", "/dev/null"],
    ["export", "--h5", "x.h5", "--by-image"],
    *(["condense", "--out", value] for value in ("/dev/null", LONG, "/proc/none", "x\0")),
    ["condense", "--out", "copy", "--bands", "no such study"],
    [],
    ["no such command"],
]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    hdf5.publish(root, synthetic.record(**synthetic.SMALL))
    return root


@pytest.mark.parametrize("given", ODD, ids=lambda given: ascii(" ".join(given))[:50])
def test_odd_arguments_are_answered_in_one_line(store, tmp_path, monkeypatch, capsys, given):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIFFUSIONPID_STORE", str(store))
    begun = time.process_time()
    try:
        code = main(given)
    except SystemExit as left:  # argparse, which has printed how to use the command
        code = left.code
    said = capsys.readouterr().err
    assert code == 2 and ("error: " in said or "usage: " in said)
    assert "Traceback" not in said and time.process_time() - begun < 5
    assert not list(tmp_path.rglob("*.csv"))


def test_a_pipe_is_no_bundle_and_is_not_waited_for(store, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.h5")
    assert main(["import", str(tmp_path / "pipe.h5"), "--store", str(store)]) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0 and COMMANDS[command].help in capsys.readouterr().out.replace("\n", " ").lower()


def test_one_wrong_study_file_is_named_and_the_others_are_listed(tmp_path, capsys):
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "wrong.toml").write_text("seeds = " + "9" * 5000)
    (tmp_path / "studies" / "z.toml").write_text((ROOT / "store" / "studies" / "synonyms.toml").read_text())
    os.mkfifo(tmp_path / "studies" / "pipe.toml")
    assert main(["studies", "--store", str(tmp_path / "store")]) == 1
    said = capsys.readouterr()
    assert "wrong.toml: a number in it has too many digits" in said.err and "pipe.toml: no regular file" in said.err
    assert "gender " in said.out and "\nz " in said.out
