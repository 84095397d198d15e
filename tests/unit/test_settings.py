from pathlib import Path

import pytest

from store import settings
from store.errors import InputError


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
        ("read_only = 'perhaps'", "read_only"),
        ("max_jobs = 'many'", "max_jobs"),
    ],
)
def test_a_wrong_file_is_named_with_its_mend(tmp_path, content, word):
    file = tmp_path / "diffusionpid.toml"
    file.write_text(content)
    with pytest.raises(InputError, match=word):
        settings.load(file)
