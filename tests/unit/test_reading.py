"""The Python of `docs/reading.md` does what it says."""

import re
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from store import hdf5
from tests import synthetic

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def after(tmp_path_factory):
    """The folder and the names that are there once all blocks have run, one after the other."""
    folder = tmp_path_factory.mktemp("reading")
    synthetic.fill(folder / "results")
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in re.finditer(r"```python\n(.*?)```", TEXT, re.DOTALL):
            line = TEXT.count("\n", 0, block.start(1))
            exec(compile("\n" * line + block.group(1), "docs/reading.md", "exec"), names)
    return folder, names


def test_maps_and_totals_are_read(after):
    folder, names = after
    path = next((folder / "results").glob("maps/embedded/*/a-female-doctor-*.h5"))
    shown = hdf5.read(path).result(("female", "doctor")).decomposition("pid")["redundancy"].total
    np.testing.assert_allclose(names["maps"].sum(axis=(1, 2)), shown, rtol=2e-3)
    assert (folder / "redundancy.html").stat().st_size


def test_a_condensed_map_is_that_of_the_file_but_for_its_rounding(after):
    folder, names = after
    path = next((folder / "results").glob("maps/embedded/*/a-female-doctor-*.h5"))
    shown = hdf5.read(path).result(("female", "doctor")).decomposition("pid", "mmi")["redundancy"]
    assert names["names"][:2] == ["first", "second"]
    limit = hdf5.COARSEST * names["values"].max() + 2e-3 * names["maps"].max()
    np.testing.assert_allclose(names["rounded"], names["maps"], rtol=0, atol=limit)
    place = 10  # redundancy under mmi at pixel level: the first of the parts
    np.testing.assert_allclose(names["all_totals"][place], shown.total, rtol=1e-6)
    np.testing.assert_allclose(names["all_errors"][place], shown.total_se, rtol=1e-6)


def test_both_tables_agree(after):
    folder, names = after
    ours = pd.read_csv(folder / "totals.csv").set_index(["prompt", "first", "second", "mode"])["redundancy"]
    theirs = names["table"]["redundancy"]["mean"].droplevel("model")
    pd.testing.assert_series_equal(ours.sort_index(), theirs.sort_index(), check_names=False)


def test_names_in_the_other_languages_exist(after):
    folder, _ = after
    path = next((folder / "results").glob("maps/embedded/*/a-female-doctor-*.h5"))
    others = "".join(re.findall(r"```(?:matlab|r)\n(.*?)```", TEXT, re.DOTALL))
    with h5py.File(path, "r") as file:
        for name in re.findall(r"['\"](/[\w+/]*)['\"]", others):
            assert name in file
        assert {"prompt"} <= set(file.attrs)
        assert "measure" in file["pairs/female+doctor"].attrs
