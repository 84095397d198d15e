"""Whatever a study file holds, loading it gives a study or one InputError that names the file, within bounds."""

import os
import time
import tracemalloc

import pytest

from store import studies
from store.errors import InputError
from store.studies.document import MOST_BYTES
from tests.unit.studies.test_studies import BIAS, HEAD, PAIRS, SUBJECTS, WORDS, written

HOSTILE = {
    "seeds beyond memory": BIAS + WORDS + SUBJECTS + "seeds = 1_000_000_000",
    "seeds beyond 64 bits": BIAS + WORDS + SUBJECTS + f"seeds = {10**30}",
    "a seed beyond 64 bits": BIAS + WORDS + SUBJECTS + f"seeds = [{2**63}]",
    "noises": BIAS + WORDS + SUBJECTS + f"noises = {10**12}",
    "guidance beyond floats": BIAS + WORDS + SUBJECTS + f"guidance = {10**400}",
    "guidance that is no number": BIAS + WORDS + SUBJECTS + "guidance = nan",
    "endless guidance": BIAS + WORDS + SUBJECTS + "guidance = inf",
    "guidance below zero": BIAS + WORDS + SUBJECTS + "guidance = -5.0",
    "a number of 5,000 digits": HEAD + "seeds = " + "9" * 5000,
    "deep lists": HEAD + "kind = " + "[" * 20_000,
    "deep tables": HEAD + "kind = " + "{a=" * 20_000,
    "deep keys": HEAD + ".".join("a" * 60_000) + " = 1",
    "a NUL in a text": BIAS + WORDS + 'subjects = ["a\\u0000b"]',
    "a NUL in a file name": BIAS + WORDS + 'subjects_from = "a\\u0000b.txt"',
    "an escape sequence": PAIRS + 'pair = ["cat", "mat"]\ngroup = "\\u001b[31mred"',
    "too many prompts": BIAS
    + f"attributes = {[f'a{n}' for n in range(9000)]}\nsubjects = {[f'b{n}' for n in range(9000)]}",
    "a long value": BIAS + WORDS + f'subjects = "{"x" * 50_000}"',
    "too long": HEAD + "#" * MOST_BYTES,
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_one_short_error_soon(tmp_path, content):
    file = written(tmp_path, content)
    tracemalloc.start()
    begun = time.process_time()
    try:
        with pytest.raises(InputError) as caught:
            studies.load(file)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()
    assert time.process_time() - begun < 5
    assert str(file) in str(caught.value)
    assert len(str(caught.value)) < 500 and "\0" not in str(caught.value) and "\x1b" not in str(caught.value)


@pytest.mark.parametrize("listed", ["/etc/passwd", "../secret.txt", "sub/list.txt", "/proc/self/environ", "link.txt"])
def test_lists_of_subjects_come_from_beside_the_study_alone(tmp_path, listed):
    folder = tmp_path / "studies"
    (folder / "sub").mkdir(parents=True)
    for file in (tmp_path / "secret.txt", folder / "sub" / "list.txt"):
        file.write_text("engine\n")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(InputError, match="subjects_from: .* no file beside the study"):
        studies.load(written(folder, BIAS + WORDS + f'subjects_from = "{listed}"'))


@pytest.mark.parametrize("name", ["mine.toml", "things.txt"])
def test_what_is_no_regular_file_is_not_waited_for(tmp_path, name):
    file = written(tmp_path, BIAS + WORDS + 'subjects_from = "things.txt"')
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match=rf"{name}: no regular file"):
        studies.load(file)


def test_control_characters_in_a_list_are_named_with_their_line(tmp_path):
    (tmp_path / "things.txt").write_text("car\nen\0gine\n")
    with pytest.raises(InputError, match=r"things\.txt, line 2: it has control characters"):
        studies.load(written(tmp_path, BIAS + WORDS + 'subjects_from = "things.txt"'))


def test_what_is_listed_can_be_asked_for_or_is_named(tmp_path):
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "gone.toml").symlink_to(tmp_path / "nowhere.toml")
    (tmp_path / "studies" / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "studies" / "pipe.toml")
    found = {}
    for name in studies.names(tmp_path / "store"):
        try:
            studies.load(name, tmp_path / "store")
        except InputError as error:
            found[name] = error.cause
    assert found.keys() == {"gone", "folder", "pipe"}
    assert found["pipe"] == "no regular file"
    with pytest.raises(InputError, match=r"study 'x+'?\.\.\.: not known"):
        studies.load("x" * 5000, tmp_path / "store")
    for name in ("x" * 5000 + ".toml", "a\0b.toml", "/dev/zero.toml", "\ud800.toml"):
        with pytest.raises(InputError):
            studies.load(name, tmp_path / "store")
