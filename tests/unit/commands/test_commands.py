"""Commands say in one line what is wrong, whatever they are given, and leave nothing behind."""

import io
import os
import shlex
import subprocess
import sys
from types import SimpleNamespace

import pytest

from compute.__main__ import EXIT_PIPE, main
from compute.commands import arguments, output, run
from compute.commands.output import ProgressBar
from store import settings
from store.jobs import JobSpec, Queue
from tests.conftest import ROOT

PAIR = JobSpec(model="embedded", prompt="a female doctor", pairs=(("female", "doctor"),))
PROMPT = ["--prompt", "a female doctor", "--pair", "female", "doctor"]


def error_of(capsys, *words):
    """The one line on standard error of a command that fails."""
    try:
        assert main([str(word) for word in words]) == 2
        start = "error: "
    except SystemExit as ended:  # argparse says it below its usage
        assert ended.code == 2
        start = "python -m compute"
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(start)
    return last


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["submit", "run", *PROMPT, "--priority", "9" * 30], "priority: not from"),
        (["submit", "run", *PROMPT, "--priority", "-3000000000"], "priority: not from"),
        (["submit", "run", *PROMPT, "--noises", "1" + "0" * 30], "more than 1,048,576"),
        (["submit", "run", *PROMPT, "--guidance", "nan"], "guidance nan"),
        (["submit", "run", *PROMPT, "--model", "x" * 5000], "too long"),
        (["submit", "run", *PROMPT, "--image", "x" * 5000], "image xxx"),
        (["submit", "study", "x" * 300], "study"),
        (["submit", "study", "gender", "--limit", "0"], "limit 0"),
        (["submit", "study", "gender", "--narrowest"], "fewer than 4 of its prompts have several images"),
        (["run", *PROMPT, "--seeds", "5000000000"], "images 5000000000: not from 1 to 10,000"),
        (["run", *PROMPT, "--seeds", "1" + "0" * 20], "not from 1 to 10,000"),
        (["run", *PROMPT, "--noises", "1" + "0" * 30], "more than 1,048,576"),
        (["run", *PROMPT, "--guidance", "-5"], "guidance -5"),
        (["run", *PROMPT, "--guidance", "inf"], "guidance inf"),
        (["run", *PROMPT, "--measure", "pm", "--surprisals", "nan", "nan"], "surprisals"),
        (["run", *PROMPT, "--target-se", "nan"], "target nan"),
        (["run", *PROMPT, "--model", "x" * 5000], "model: 5,000 characters"),
        (["run", *PROMPT, "--model", "x" * 300 + "/" + "y" * 300], "too long"),
        (["run", "--prompt", "a \udcff doctor and a dog", "--pair", "doctor", "dog"], "holds what is no text"),
        (["run", "--prompt", "a \udcff doctor", "--pair", "nurse", "doctor"], "\\udcff"),
        (["study", "gender", "--seeds", "5000000000"], "not from 1 to 10,000"),
        (["study", "gender", "--guidance", "nan"], "guidance nan"),
        (["cancel", "9" * 30], "there is none"),
        (["retry", "9" * 30], "there is none"),
        (["jobs", "--log", "9" * 30], "there is none"),
        (["cancel", "9" * 5000], "invalid int value"),
    ],
)
def test_values_beyond_all_bounds_are_one_line(tmp_path, capsys, words, said):
    assert said in error_of(capsys, *words, "--store", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["jobs", "cancel 3", "retry 3", "jobs --log 3"])
def test_a_store_that_is_not_there_is_an_error_and_is_not_made(tmp_path, capsys, command):
    for missing in (tmp_path / "typo", tmp_path / ("x" * 5000)):
        error_of(capsys, *command.split(), "--store", missing)
    assert not list(tmp_path.iterdir())
    assert main(["jobs", "--store", str(tmp_path)]) == 0
    assert "0 workers are running" in capsys.readouterr().out


def test_a_store_name_of_many_characters_is_named_as_too_long(tmp_path, capsys):
    for words in (["run", *PROMPT], ["submit", "run", *PROMPT], ["worker", "--until-empty"]):
        assert "too long" in error_of(capsys, *words, "--store", tmp_path / ("x" * 5000))


def test_the_command_for_a_worker_can_be_typed(tmp_path, capsys):
    root = tmp_path / "my results; rm -rf"
    assert main(["submit", "run", *PROMPT, "--store", str(root)]) == 0
    command = capsys.readouterr().out.rpartition("by: ")[2]
    assert shlex.split(command) == ["python", "-m", "compute", "worker", "--store", str(root)]


def test_the_settings_limit_the_dashboard_and_read_only_everybody(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv(f"{settings.PREFIX}MAX_JOBS", "1")
    monkeypatch.setenv(f"{settings.PREFIX}MAX_EVALUATIONS", "1")
    for _ in range(2):
        assert main(["submit", "run", *PROMPT, "--store", str(tmp_path)]) == 0
    monkeypatch.setenv(f"{settings.PREFIX}READ_ONLY", "1")
    for words in (["submit", "run", *PROMPT], ["cancel", "1"], ["retry", "1"]):
        assert "read_only" in error_of(capsys, *words, "--store", tmp_path)
    assert main(["jobs", "--store", str(tmp_path)]) == 0


def test_a_reader_that_goes_away_ends_the_command_quietly(tmp_path):
    queue = Queue(tmp_path, limited=False)
    for _ in range(3):
        queue.submit(PAIR, "Ada")
    command = [sys.executable, "-m", "compute", "jobs", "--store", tmp_path]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (EXIT_PIPE, "")


def test_what_is_said_beside_a_bar_begins_a_line(monkeypatch):
    monkeypatch.setattr("sys.stderr", seen := io.StringIO())
    with pytest.raises(ValueError), ProgressBar() as bar:
        bar.show(SimpleNamespace(done=1, total=4, doing="image 1 of 4"))
        bar.say("error: one")
        bar.show(SimpleNamespace(done=2, total=4, doing="image 2 of 4"))
        raise ValueError
    print("error: two", file=seen)
    assert "image 2 of 4" in seen.getvalue()
    lines = seen.getvalue().replace("\r", "\x00").splitlines()
    assert [line for line in lines if line.startswith("error")] == ["error: one", "error: two"]


def test_the_home_folder_may_be_written_short(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    given = run_parser(settings.Settings(model="~/sd")).parse_args(["run", *PROMPT])
    assert given.model == "/home/ada/sd"
    given = run_parser(settings.Settings()).parse_args(["run", *PROMPT, "--model", "~/sd"])
    assert arguments.of_prompt(given).model == "/home/ada/sd"


def run_parser(defaults):
    import argparse

    parser = argparse.ArgumentParser()
    run.add(parser.add_subparsers(), defaults)
    return parser


def test_a_cost_of_nothing_is_said_in_words(capsys):
    output.print_cost(SimpleNamespace(images=0))
    assert "all of it is in the store" in capsys.readouterr().err
