"""Whatever an attribute or array of a file holds, with valid digests: it is read or named, and never stops anything."""

import shutil
from contextlib import suppress

import numpy as np
import pytest

from store import hdf5, warnings
from store.__main__ import main
from store.catalogue import Catalogue
from store.errors import StoreError
from store.hdf5.condense import condensed
from store.pid import measures
from store.pid.information import LEVELS
from tests import hostile, synthetic
from tests.budget import chance, rounds

SOUND = "a sound prompt"
LAYOUTS = ("full", "condensed", "version 1", "version 2", "version 3")
PARTS = rounds(1, 3)
PAIR = "pairs/female+doctor"
ONCE_DOWN = (  # what one day took every page and command down
    *(f"/ {name}: bytes that are no UTF-8" for name in ("prompt", "created", "model", "model_revision", "image")),
    *(f"{PAIR} {name}: bytes that are no UTF-8" for name in ("first", "second")),
    f"{PAIR} labels: half of a character in JSON",
    f"{PAIR} spans: far numbers",
    "seeds: infinity",
    "seeds: most",
)


@pytest.fixture(scope="module")
def layouts(tmp_path_factory):
    """A file of each layout; in the store of each, a sound file lies beside it."""
    found = hostile.layouts(tmp_path_factory.mktemp("layouts"))
    for path in found.values():
        sound = synthetic.record(SOUND, ("sound", "prompt"), modes=("pid",), **synthetic.SMALL)
        hdf5.publish(path.parents[3], condensed(sound))
    return found


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_hostile_value_is_read_or_named(layouts, tmp_path, capsys, layout, part):
    everything = list(hostile.changes(layouts[layout]))
    chance(layout).shuffle(everything)
    for change in everything[part::PARTS][: rounds(1, len(everything))]:
        _try(layouts[layout], [change], tmp_path / "tried", capsys)


@pytest.mark.parametrize("about", ONCE_DOWN)
def test_one_bad_value_takes_nothing_else_down(layouts, tmp_path, capsys, about):
    _try(layouts["full"], [(about, dict(hostile.changes(layouts["full"]))[about])], tmp_path / "tried", capsys)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_several_hostile_values_are_read_or_named(layouts, tmp_path, capsys, layout):
    everything, drawn = list(hostile.changes(layouts[layout])), chance(f"several of {layout}")
    for _ in range(rounds(1, 200)):
        _try(layouts[layout], drawn.sample(everything, drawn.randint(2, 4)), tmp_path / "tried", capsys)


def _try(whole, changes, folder, capsys):
    """Change a copy of the file `whole` in a store like its own, and look at it as pages and commands do."""
    root = shutil.copytree(whole.parents[3], folder)
    path = root / whole.relative_to(whole.parents[3])
    for _, change in changes:
        with suppress(KeyError, AttributeError, TypeError, ValueError):  # what another change took away
            hostile.apply(path, change)
    try:
        _survives(root, path, capsys)
    except Exception as error:
        raise AssertionError(f"{path.name}: {' and '.join(about for about, _ in changes)}") from error
    shutil.rmtree(root)


def _survives(root, path, capsys):
    problems = hdf5.problems(path)
    with np.errstate(all="ignore"):
        try:
            read = hdf5.read(path)
        except StoreError as error:
            assert problems and str(path) in str(error)
        else:
            _is_shown(read)
    catalogue = Catalogue(root)
    listed = list(catalogue.entries())
    assert SOUND in {entry.key.prompt for entry in listed}
    assert len(catalogue.samples()) and catalogue.summary().prompts
    assert path in {entry.path for entry in listed} | {broken for broken, _ in catalogue.broken()}
    assert path not in dict(catalogue.broken()) or problems
    assert main(["ls", "--store", str(root)]) in (0, 1)
    printed = capsys.readouterr()
    assert SOUND in printed.out and (not dict(catalogue.broken()) or str(path) in printed.err)
    with np.errstate(all="ignore"):
        repaired = list(hdf5.repair(root))
    assert {done.path for done in repaired} == ({path} if problems else set())
    if path.exists() and not any(problem.newer for problem in problems):
        assert hdf5.problems(path) == []


def _is_shown(record):
    """All that pages derive of a record can be derived."""
    for result in record.pairs:
        warnings.warnings(record.key, result)
        record.images_of(result)
        record.region(0, 0, 4, 4)
        for mode in result.information:
            for measure in measures.offered(result.surprisals, result.estimator):
                for level in LEVELS:
                    result.decomposition(mode, measure, level)
