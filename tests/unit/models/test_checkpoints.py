"""A single file with the weights of a whole pipeline: it predicts what the folder does that it was made of."""

import inspect
import shutil

import pytest
import torch
from diffusers.loaders.single_file_model import SINGLE_FILE_LOADABLE_CLASSES
from safetensors.torch import load_file, save_file

from compute.models import registry
from compute.models.weights import checkpoint
from store.errors import InputError
from store.jobs.choice import ModelChoice
from tests.checkpoints import single_file
from tests.families import joint_attention, single_files


@pytest.fixture(scope="module")
def file(epsilon_folder, tmp_path_factory):
    return single_file(epsilon_folder, tmp_path_factory.mktemp("checkpoints") / "own.safetensors")


@pytest.fixture
def settings(epsilon_folder, tmp_path):
    """The configuration of the pipeline, without its weights."""
    return shutil.copytree(epsilon_folder, tmp_path / "settings", ignore=shutil.ignore_patterns("*.safetensors"))


def load(file, config):
    return registry.load(str(ModelChoice.of(str(file), config=str(config))), device="cpu")


def test_a_single_file_predicts_what_its_folder_does(file, settings, epsilon_folder):
    one, folder = load(file, settings), registry.load(str(epsilon_folder), device="cpu")
    assert (one.name, one.dtypes) == ("own", folder.dtypes)
    assert_alike(one, folder)
    latents = torch.randn(1, *one.latent_shape)
    assert (one.decode(latents) == folder.decode(latents)).all()


def assert_alike(one, folder):
    z, level = torch.randn(1, *one.latent_shape), torch.tensor([400])
    torch.testing.assert_close(*(each.predict_noise(z, level, each.encode(["a cat"])) for each in (one, folder)))


def test_a_single_file_of_xl_takes_its_text_encoders_from_the_folder(xl_folder, tmp_path):
    file = single_file(xl_folder, tmp_path / "own.safetensors")
    assert_alike(load(file, xl_folder), registry.load(str(xl_folder), device="cpu"))


@pytest.mark.parametrize("name", ["stable_diffusion_3", "flux"])
def test_a_single_file_of_a_transformer_predicts_what_its_folder_does(name, tmp_path, monkeypatch):
    torch.manual_seed(0)
    folder = tmp_path / "saved"
    getattr(joint_attention, name)().save_pretrained(folder, safe_serialization=True)
    file = getattr(single_files, name)(folder, tmp_path / "own.safetensors")
    converter = SINGLE_FILE_LOADABLE_CLASSES["FluxTransformer2DModel"]
    monkeypatch.setitem(converter, "checkpoint_mapping_fn", narrow(converter["checkpoint_mapping_fn"]))
    assert_alike(
        *(registry.load(f"{model} --size 16x16", device="cpu") for model in (f"{file} --config {folder}", folder))
    )


def narrow(convert):
    """The converter of diffusers, which knows FLUX in its real width alone, for 32 numbers."""
    inside: dict = {}
    exec(
        inspect.getsource(convert).replace("inner_dim = 3072", "inner_dim = 32"),
        vars(inspect.getmodule(convert)),
        inside,
    )
    return inside[convert.__name__]


def test_its_identity_is_of_its_weights_and_its_configuration(file, settings, tmp_path):
    other = tmp_path / "other.safetensors"
    save_file({key: value + 1 for key, value in load_file(file).items()}, other)
    found = {registry.revision_of(f"{path} --config {settings}") for path in (file, other)}
    (settings / "scheduler/scheduler_config.json").write_text("{}")
    found.add(registry.revision_of(f"{file} --config {settings}"))
    assert len(found) == 3


def test_weights_that_are_not_in_the_file_come_from_the_folder_or_are_named(file, settings, epsilon_folder, tmp_path):
    alone = tmp_path / "alone.safetensors"
    save_file({key: value for key, value in load_file(file).items() if key.startswith("model.")}, alone)
    assert load(alone, epsilon_folder).name == "alone"
    with pytest.raises(InputError, match=r"neither the file nor .*settings has the weights of its (vae|text_encoder)"):
        load(alone, settings)
    gone = tmp_path / "gone.safetensors"
    save_file({key: value for key, value in load_file(file).items() if "decoder.conv_out" not in key}, gone)
    with pytest.raises(InputError, match="the file lacks weights that the configuration in .*settings asks for"):
        load(gone, settings)


def test_what_cannot_be_loaded_is_refused(file, tmp_path, epsilon_folder):
    pickled, cut = tmp_path / "old.ckpt", tmp_path / "cut.safetensors"
    pickled.write_bytes(b"pickle")
    cut.write_bytes(file.read_bytes()[:-8])
    cases = {
        str(tmp_path / "none.safetensors"): "there is no such file",
        str(pickled): "its weights are pickled, and such are never loaded",
        str(cut): "cut off or damaged",
        str(file): "of no known kind; give --config FOLDER",
        f"{file} --config nobody/nothing": "that of nobody/nothing, is not on this machine; give --config FOLDER",
        f"{epsilon_folder} --config {epsilon_folder}": "it is no single file",
    }
    for model, said in cases.items():
        with pytest.raises(InputError, match=said):
            registry.revision_of(model)


@pytest.mark.parametrize(
    ("key", "shape", "said"),
    [
        ("v1", (1,), "that of stable-diffusion-v1-5/stable-diffusion-v1-5, is not on this machine"),
        ("v2", (1, 1024), "noise or v; give --config sd-2.1"),
        ("xl_base", (1,), "that of stabilityai/stable-diffusion-xl-base-1.0, is not on this machine"),
    ],
)
def test_which_configuration_a_file_needs_follows_from_its_keys(tmp_path, monkeypatch, key, shape, said):
    monkeypatch.setattr(registry, "try_to_load_from_cache", lambda *_: None)
    path = tmp_path / "own.safetensors"
    save_file({checkpoint.single_file_utils.CHECKPOINT_KEY_NAMES[key]: torch.zeros(shape)}, path)
    with pytest.raises(InputError, match=said):
        registry.locate(str(path))
