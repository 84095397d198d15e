"""Files that replace others: their mode, and what they must not replace."""

import os
import stat

import pytest

from store.files.atomic import replacing


def write(path, **how):
    with replacing(path, **how) as aside:
        aside.write_text("new")


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_mode_that_the_umask_allows(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write(tmp_path / "a")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


def test_a_file_keeps_the_mode_that_it_had(tmp_path):
    (tmp_path / "a").touch(0o600)
    write(tmp_path / "a")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600 and (tmp_path / "a").read_text() == "new"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/null")])
def test_what_is_no_file_is_not_replaced(tmp_path, make):
    make(tmp_path / "a")
    kind = (tmp_path / "a").lstat().st_mode
    with pytest.raises(OSError, match="no regular file"):
        write(tmp_path / "a")
    assert (tmp_path / "a").lstat().st_mode == kind
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_link_in_a_store_is_replaced_and_what_it_leads_to_stays(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "a").symlink_to(tmp_path / "target")
    write(tmp_path / "a", over_link=True)
    assert (tmp_path / "target").read_text() == "old" and (tmp_path / "a").read_text() == "new"
    assert not (tmp_path / "a").is_symlink()


def test_what_fails_leaves_nothing_behind(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a"):
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "old"
