import os
from pathlib import Path

import pytest

from compute.__main__ import main as compute_main
from store import settings
from store.__main__ import main as store_main


def test_environment_wins_over_file_and_file_over_default(tmp_path, monkeypatch):
    file = tmp_path / "diffusionpid.toml"
    file.write_text('store = "from-file"\nmodel = "from-file"\n')
    monkeypatch.setenv("DIFFUSIONPID_MODEL", "from-environment")
    monkeypatch.delenv("DIFFUSIONPID_CACHE")
    monkeypatch.setenv("DIFFUSIONPID_MAX_JOBS", "3")
    loaded = settings.load(file)
    assert loaded == settings.Settings(Path("from-file"), "from-environment", max_jobs=3)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("stoer = 'x'", "stoer"),
        ("store = ", "TOML"),
        ("store = [1]", "store"),
        ('store = "a\\u0000b"', "store"),
        ("cache = '~nobody-of-that-name/x'", "cache"),
        ("read_only = 'perhaps'", "read_only"),
        ("read_only = {}", "read_only"),
        ("max_jobs = 'many'", "max_jobs"),
        ("max_jobs = -1", "max_jobs"),
        ("max_jobs = 1.5", "max_jobs"),
        ("max_jobs = 1979-05-27", "max_jobs"),
        (f"max_jobs = '{'9' * 5000}'", "max_jobs"),
        (f"model = {'[' * 5000}", "TOML"),
    ],
)
def test_a_wrong_value_is_named_with_its_mend_and_the_others_hold(tmp_path, monkeypatch, content, word):
    monkeypatch.delenv("DIFFUSIONPID_CACHE")
    file = tmp_path / "diffusionpid.toml"
    file.write_text(f"max_evaluations = 5\n{content}")
    (problem,) = settings.problems(file)
    assert word in str(problem) and str(file) in str(problem)
    loaded = settings.load(file)
    assert loaded.max_evaluations == (20_000_000 if word == "TOML" else 5)
    assert loaded.read_only == (word == "read_only")  # what is not understood must not open a server


def test_a_wrong_variable_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("DIFFUSIONPID_MAX_JOBS", "many")
    (problem,) = settings.problems(tmp_path / "none.toml")
    assert "DIFFUSIONPID_MAX_JOBS" in str(problem)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.write_bytes(b"\xff\xfe")])
def test_what_is_no_file_of_settings_is_named(tmp_path, make):
    make(tmp_path / "diffusionpid.toml")
    (problem,) = settings.problems(tmp_path / "diffusionpid.toml")
    assert "diffusionpid.toml" in str(problem)


@pytest.mark.parametrize("command", [(compute_main, "jobs"), (store_main, "ls"), (store_main, "check")])
def test_commands_name_a_wrong_setting_and_go_on(tmp_path, monkeypatch, capsys, command):
    monkeypatch.setenv("DIFFUSIONPID_MAX_JOBS", "many")
    main, name = command
    assert main([name, "--store", str(tmp_path)]) == 0
    assert capsys.readouterr().err == (
        "warning: DIFFUSIONPID_MAX_JOBS: 'many' is no whole number from 0 up; write it in digits\n"
    )
