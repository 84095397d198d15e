"""Files that are taken along: their names tell the settings apart, and pictures say what they show."""

import pytest

from tests import synthetic

SETTINGS = ({}, {"measure": "mmi"}, {"mode": "cpid"}, {"level": "image"}, {"guidance": "3"})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two roles of the gender study at two guidances."""
    root = tmp_path_factory.mktemp("store")
    for guidance in (1.0, 3.0):
        synthetic.bias(root, 2, size=8, grid=4, guidance=guidance)
    return root


def test_no_two_settings_of_a_table_share_a_file_name(opened, store):
    names = []
    for changes in SETTINGS:
        measure, mode = changes.get("measure", "aligned"), changes.get("mode", "pid")
        for picture in opened("gender.py", store, model="embedded", **changes).pictures():
            names.append(picture["filename"])
            assert f"guidance {changes.get('guidance', '1')}, mode {mode}, measure {measure}" in picture["caption"]
    assert len(set(names)) == len(names) == 2 * len(SETTINGS)
    assert names[0].startswith("measured-against-planted-") and names[1].startswith(
        "table-as-drawn-gender-bias-of-the-embedded-model-with-the-attribute-embedded-1-"
    )


def test_pictures_of_images_name_quantity_and_seed(opened, store):
    page = opened("gender.py", store, model="embedded", subject="nurse", quantity="synergy")
    names = [picture["filename"] for picture in page.pictures()]
    assert len(set(names)) == len(names) == 5
    assert [name.partition("-images")[0] for name in names[1:]] == [f"nurse-seed-{seed}" for seed in range(4)]
    assert all("-synergy-" in name for name in names[1:])


def test_figures_of_the_explorer_name_mode_and_seed(opened, store):
    link = {"model": "embedded", "prompt": "a female nurse", "pair": "female+nurse", "seed": "2", "quantity": "synergy"}
    page = opened("explorer.py", store, **link, mode="cpid", level="prompt", maps="both")
    captions = {picture["key"]: picture["caption"] for picture in page.pictures()}
    over = captions["overlay-figure"]
    assert over.startswith("Map over the image, seed 2: a female nurse, female + nurse: S, synergy; model embedded")
    assert "mode cpid, measure aligned, level pixel" in over
    assert "mode cpid" in captions["strip-figure"] and "mode pid" in captions["beside-figure"]
    assert "measure" not in captions["curve-figure"]
