"""Whatever the configuration of a saved pipeline says: the model loads, or is refused in one line."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from compute.models import registry
from store.errors import InputError
from tests.budget import chance, rounds

VALUES = (None, -1, "x", [], {"a": 1}, 1.5, 0)
WHOLE = ("[]", "3", "null", "{", "\ud800", "[" * 20_000)
KEYS = 150  # of a configuration at most; what has more is a vocabulary
ONCE_A_TRACEBACK = [
    ("text_encoder/config.json", "hidden_size", 0),
    ("text_encoder/config.json", "num_attention_heads", "x"),
    ("text_encoder/config.json", "layer_norm_eps", None),
    ("tokenizer/tokenizer.json", "truncation", 0),
    ("tokenizer/tokenizer_config.json", "model_max_length", "x"),
    ("tokenizer/tokenizer_config.json", "pad_token", None),
    ("unet/config.json", "sample_size", []),
    ("unet/config.json", "norm_eps", None),
    ("vae/config.json", "block_out_channels", []),
    ("scheduler/scheduler_config.json", "beta_schedule", "x"),
    ("scheduler/scheduler_config.json", "num_train_timesteps", 0),
    ("model_index.json", "vae", []),
]


def refused(whole: Path, folder: Path, name: str, text: str) -> str:
    """Why a copy of the pipeline `whole` is refused whose file `name` holds `text`; empty if it is not."""
    shutil.copytree(whole, folder)
    (folder / name).write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        registry.load(str(folder), device="cpu")
    except InputError as error:
        return str(error)
    finally:
        shutil.rmtree(folder)
    return ""


def changed(whole: Path, name: str, key: str, value: object) -> str:
    return json.dumps(json.loads((whole / name).read_text(encoding="utf-8")) | {key: value})


def cases(whole: Path) -> Iterator[tuple[str, str]]:
    """Files of the pipeline, each with what it may hold instead."""
    for path in sorted(whole.rglob("*.json")):
        name, content = path.relative_to(whole).as_posix(), json.loads(path.read_text(encoding="utf-8"))
        yield from ((name, text) for text in WHOLE)
        if len(content) <= KEYS:
            yield from ((name, json.dumps(content | {key: value})) for key in content for value in VALUES)


@pytest.mark.parametrize(("name", "key", "value"), ONCE_A_TRACEBACK, ids=str)
def test_a_wrong_value_is_refused_in_one_line(epsilon_folder, tmp_path, name, key, value):
    said = refused(epsilon_folder, tmp_path / "odd", name, changed(epsilon_folder, name, key, value))
    assert said.startswith("model 'odd': ") and "\n" not in said and len(said) < 400


def test_a_list_of_words_that_is_no_text_is_refused(epsilon_folder, tmp_path):
    assert "cannot be used" in refused(epsilon_folder, tmp_path / "odd", registry.VOCABULARY, "\ud800")


@pytest.mark.filterwarnings("ignore")  # the libraries warn of what they can still make of it
def test_no_configuration_ends_in_a_traceback(epsilon_folder, tmp_path):
    everything = list(cases(epsilon_folder))
    for name, text in chance("configurations").sample(everything, rounds(6, len(everything))):
        said = refused(epsilon_folder, tmp_path / "odd", name, text)
        assert "\n" not in said and len(said) < 500, (name, text)
