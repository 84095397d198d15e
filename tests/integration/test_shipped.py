"""What ships belongs together: weights, their card, and the demo store computed with them."""

import pytest

from compute.embedded import captions, card, evaluation
from compute.models import registry
from store import hdf5, settings
from tests.budget import SOAK, chance

FILES = sorted(hdf5.paths(settings.DEMO_STORE))
SAMPLE = FILES if SOAK else sorted(chance("demo store").sample(FILES, 20))


@pytest.fixture(scope="module")
def denoiser():
    return registry.load("embedded", device="cpu")


@pytest.mark.parametrize("path", SAMPLE, ids=[path.stem for path in SAMPLE])
def test_a_file_of_the_demo_store_is_sound_and_of_the_shipped_weights(path, denoiser):
    assert hdf5.problems(path) == []
    record = hdf5.read(path)
    assert (record.key.model, record.key.revision) == (denoiser.name, denoiser.revision)
    assert all(result.complete and len(result.seeds) >= 4 for result in record.pairs)


def test_there_is_a_demo_store():
    assert len(FILES) >= 10


def test_the_vocabulary_is_that_of_the_training(denoiser):
    assert denoiser.vocabulary == frozenset(captions.words())


def test_the_card_reaches_its_bars_or_names_what_it_misses():
    text = (registry.EMBEDDED.parent / card.CARD).read_text(encoding="utf-8")
    (missed,) = [line for line in text.splitlines() if line.startswith("Below its bar: ")]
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[0] in {**evaluation.LEAST, **evaluation.MOST}:
            found[cells[0]] = float(cells[1])
    assert found.keys() == evaluation.LEAST.keys() | evaluation.MOST.keys()
    reached = {name for name, bar in evaluation.LEAST.items() if found[name] >= bar}
    reached |= {name for name, bar in evaluation.MOST.items() if found[name] <= bar}
    assert all(name in reached or f"{name} {found[name]:.2f}" in missed for name in found)


def test_weights_are_small():
    assert (
        sum(file.stat().st_size for file in registry.EMBEDDED.rglob("*")) <= 1e6 * evaluation.MOST[evaluation.MEGABYTES]
    )
