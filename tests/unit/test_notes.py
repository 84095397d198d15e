"""Notes keep every version, also of those who write at once."""

import multiprocessing
import pickle
import shutil
import sqlite3
from concurrent.futures import ProcessPoolExecutor

import pytest

from store.errors import InputError, StoreError
from store.notes import NAME, Notes, Pin, RevisedMeanwhileError, key_of, key_of_view
from store.records import RunKey
from tests.budget import rounds
from tests.conftest import ROOT

ROUNDS = rounds(5, 50)
RUN = RunKey("embedded", "1", "a female doctor", 1.0)


def test_a_note_is_found_by_what_it_is_about(tmp_path):
    notes = Notes(tmp_path)
    pair = key_of(RUN, ("female", "doctor"), "cpid", 3)
    first = notes.add(pair, "Ada", "The coat is *all* of it")
    notes.add(key_of(RUN), "Ben", "Look at the hair")
    assert notes.about(pair) == [first]
    assert notes.about(key_of(RUN, ("female", "doctor"), "pid", 3)) == []
    assert notes.about(key_of(RunKey("embedded", "2", "a female doctor", 1.0))) == []


def test_the_notes_of_an_earlier_version_are_read_and_revised(tmp_path):
    shutil.copy(ROOT / "tests" / "archives" / "notes_1.sqlite", tmp_path / NAME)
    notes, key = Notes(tmp_path), key_of(RUN, ("female", "doctor"), "cpid", 2)
    (found,) = notes.about(key)  # another one was taken back
    assert (found.author, found.version, found.text) == ("Ada", 2, "the coat, not the face or the hands")
    ((_, pin),) = notes.pinned()
    assert pin == Pin("/gender?model=embedded&subject=doctor", "Gender bias", "{}")
    assert notes.revise(1, "Ben", "both").version == 3 and notes.add(key, "Eve", "new").number == 4


def test_a_revision_keeps_what_was_there(tmp_path):
    notes = Notes(tmp_path)
    first = notes.add(key_of(RUN), "Ada", "one")
    second = notes.revise(first.number, "Ben", "two")
    assert (second.version, second.author) == (2, "Ben")
    assert notes.about(key_of(RUN)) == [second]
    notes.withdraw(first.number, "Ada")
    assert notes.about(key_of(RUN)) == []
    assert [note.text for note in notes.history(first.number)] == ["one", "two", ""]


def _write(root, author):
    notes = Notes(root)
    for count in range(ROUNDS):
        notes.add(key_of(RUN), author, f"{author} {count}")
        notes.revise(1, author, f"{author} revised {count}")


def test_people_who_write_at_once_lose_nothing(tmp_path):
    Notes(tmp_path).add(key_of(RUN), "Eve", "start")
    with ProcessPoolExecutor(3, multiprocessing.get_context("fork")) as pool:
        list(pool.map(_write, [tmp_path] * 3, ("Ada", "Ben", "Cyd")))
    notes = Notes(tmp_path)
    assert len(notes.about(key_of(RUN))) == 3 * ROUNDS + 1
    versions = notes.history(1)
    assert [note.version for note in versions] == list(range(1, 3 * ROUNDS + 2))
    assert len({note.text for note in versions}) == 3 * ROUNDS + 1


@pytest.mark.parametrize(("author", "text"), [("", "text"), ("Ada", " "), ("Ada", "x" * 20_001)])
def test_what_is_no_note_is_refused(tmp_path, author, text):
    with pytest.raises(InputError):
        Notes(tmp_path).add(key_of(RUN), author, text)


def test_a_note_that_there_is_not_cannot_be_revised(tmp_path):
    with pytest.raises(InputError, match="there is none"):
        Notes(tmp_path).revise(7, "Ada", "text")


def test_a_damaged_file_is_named_and_left_alone(tmp_path):
    (tmp_path / NAME).write_bytes(b"no database" * 200)
    with pytest.raises(StoreError, match=NAME):
        Notes(tmp_path).about(key_of(RUN))
    assert (tmp_path / NAME).read_bytes().startswith(b"no database")


def test_a_note_keeps_what_was_on_screen(tmp_path):
    notes, pin = Notes(tmp_path), Pin("/gender?subject=doctor", "Gender bias", '{"figures": []}')
    assert notes.pinned() == []
    notes.add("key", "Ada", "no picture")
    note = notes.add("key", "Ada", "look at the hands", pin)
    assert notes.pinned() == [(note, pin)] and notes.count_pinned() == 1
    newer = notes.revise(note.number, "Grace", "look at the coat")
    assert notes.pinned() == [(newer, pin)]
    notes.withdraw(note.number, "Ada")
    assert (
        notes.pinned() == []
        and notes.count_pinned() == 0
        and [each.text for each in notes.about("key")] == ["no picture"]
    )


def test_a_view_has_one_key_whatever_the_order_of_its_parts():
    one = key_of_view("gender", model="embedded", subject="doctor")
    assert one == key_of_view("gender", subject="doctor", model="embedded")
    assert one != key_of_view("gender", model="embedded", subject="nurse")
    assert one != key_of_view("ethnicity", model="embedded", subject="doctor")


def test_of_two_who_revise_at_once_the_second_is_told_and_may_go_on(tmp_path):
    notes = Notes(tmp_path)
    first = notes.add(key_of(RUN), "Ada", "one")
    mine = notes.revise(first.number, "Ada", "one, with a coat", after=first.version)
    with pytest.raises(RevisedMeanwhileError, match="Ada revised it meanwhile") as told:
        notes.revise(first.number, "Ben", "one, with a hat", after=first.version)
    assert told.value.newest == mine == pickle.loads(pickle.dumps(told.value)).newest
    with pytest.raises(RevisedMeanwhileError):
        notes.withdraw(first.number, "Ben", after=first.version)
    assert notes.about(key_of(RUN)) == [mine]
    notes.revise(first.number, "Ben", "one, with a coat and a hat", after=told.value.newest.version)
    assert [note.text for note in notes.history(first.number)] == [
        "one",
        "one, with a coat",
        "one, with a coat and a hat",
    ]
    notes.withdraw(first.number, "Ada", after=3)
    with pytest.raises(RevisedMeanwhileError, match="Ada took it back"):
        notes.revise(first.number, "Ben", "no", after=3)


@pytest.mark.parametrize(("author", "text"), [("A\ud800", "text"), ("Ada", "a\0b"), ("Ada", "\udfff")])
def test_what_is_no_text_is_refused(tmp_path, author, text):
    with pytest.raises(InputError, match="no character"):
        Notes(tmp_path).add(key_of(RUN), author, text)


def test_one_row_that_cannot_be_read_does_not_hide_the_others(tmp_path):
    notes, key = Notes(tmp_path), key_of(RUN)
    sound = notes.add(key, "Ada", "sound", Pin("/", "title", "{}"))
    rows = [
        (2, 1, key, b"\xff\xfe", 5.0, b"\x00"),
        ("two", "one", key, "Ben", "now", "no number"),
        (None, None, key, "Ben", "now", "no number"),
        (3, 2**63 - 1, key, "Cyd", "now", "a\0b"),
    ]
    with sqlite3.connect(tmp_path / NAME) as database:
        database.executemany("INSERT INTO notes VALUES (?, ?, ?, ?, ?, ?)", rows)
        database.execute("INSERT INTO notes VALUES (4, 1, ?, 'Dee', 'now', CAST(x'61ff' AS TEXT))", (key,))
    texts = {note.number: note.text for note in notes.about(key)}
    assert texts == {1: "sound", 2: "(unreadable: bytes)", 3: "a\ufffdb", 4: "a\ufffd"}
    assert [note for note, _ in notes.pinned()] == [sound]
    with pytest.raises(StoreError, match=NAME):
        notes.revise(3, "Eve", "one more than there can be")
    assert notes.add(key, "Eve", "new").number == 5


def test_an_empty_file_is_a_file_without_notes(tmp_path):
    """A full disk leaves a file of no bytes."""
    (tmp_path / NAME).touch()
    notes = Notes(tmp_path)
    assert notes.about(key_of(RUN)) == [] == notes.pinned()
    notes.add(key_of(RUN), "Ada", "one")
    assert len(notes.about(key_of(RUN))) == 1
