"""`python -m compute run` as a user runs it: real processes, real models, real files."""

import json
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from compute.__main__ import main
from compute.models import registry
from store import hdf5
from store.__main__ import main as show
from tests.budget import soak
from tests.conftest import ROOT

PROMPT = ["--prompt", "a female doctor", "--pair", "female", "doctor"]


def command(*arguments, module="compute"):
    """Run one command in the project's folder, in a process of its own; its result with output."""
    asked = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True)


def only_file(store):
    (path,) = hdf5.paths(store)
    return path


def test_the_embedded_model_from_prompt_to_file(tmp_path, capsys):
    store = tmp_path / "store"
    asked = ["run", "--model", "embedded", *PROMPT, "--seeds", "2", "--noises", "32", "--store", str(store)]
    assert main(asked) == 0
    printed = capsys.readouterr()
    assert "image 2 of 2" in printed.err
    assert "synergy" in printed.out and "+-" in printed.out
    path = only_file(store)
    assert hdf5.problems(path) == []
    record = hdf5.read(path)
    result = record.result(("female", "doctor"))
    assert result.complete
    assert record.images.shape == (2, 64, 64, 3)
    isolated = result.decomposition("pid")
    for name in ("first", "second", "both"):
        value, error = isolated[name].mean()
        assert value > 3 * error > 0
    for arguments in (["ls"], ["check"], ["show", "a female doctor", "--pair", "doctor", "female"], ["reindex"]):
        assert show([*arguments, "--store", str(store)]) == 0


def test_words_matter_where_they_act():
    """In much noise, where words are needed, a red heart is predicted best as one: colour and shape both count."""
    denoiser = registry.load("embedded", device="cpu")
    latents = denoiser.generate("a red heart", [0], 1.0, 20)
    encoded = denoiser.encode(["a red heart", "a blue heart", "a red square"])
    levels = (denoiser.log_snr + 5).abs().argmin().repeat(3)
    alpha = denoiser.log_snr[levels[:1]].sigmoid().view(-1, 1, 1, 1).float()
    noise = np.random.default_rng(0).normal(size=latents.shape)
    z = alpha.sqrt() * latents + (1 - alpha).sqrt() * latents.new_tensor(noise)
    predicted = denoiser.predict_noise(z.repeat(3, 1, 1, 1), levels, encoded)
    errors = (predicted - latents.new_tensor(noise)).square().sum((1, 2, 3))
    assert errors[0] < errors[1]
    assert errors[0] < errors[2]


def test_a_folder_of_either_prediction_works_unchanged(tmp_path, pipeline_folder, capsys):
    asked = ["run", "--model", str(pipeline_folder), *PROMPT, "--seeds", "1", "--noises", "16", "--json"]
    assert main([*asked, "--store", str(tmp_path)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [one["pair"] for one in printed["pairs"]] == ["female+doctor"]
    assert hdf5.problems(only_file(tmp_path)) == []


def test_asking_again_computes_nothing_and_asking_for_more_extends(tmp_path, epsilon_folder, capsys, monkeypatch):
    asked = ["run", "--model", str(epsilon_folder), *PROMPT, "--noises", "16", "--store", str(tmp_path), "--seeds"]
    assert main([*asked, "1"]) == 0
    path = only_file(tmp_path)
    before, first = path.stat().st_mtime_ns, hdf5.read(path)
    with monkeypatch.context() as patch:
        patch.delattr(registry, "load")  # a stored answer takes no weights
        assert main([*asked, "1"]) == 0
    assert path.stat().st_mtime_ns == before
    assert "all of it is in the store" in capsys.readouterr().err
    assert main([*asked, "2"]) == 0
    assert "1 image of 16 noises" in capsys.readouterr().err  # the other one is there
    extended = hdf5.read(only_file(tmp_path))
    assert extended.pairs[0].seeds == (0, 1)
    assert np.array_equal(extended.latents[0], first.latents[0])
    both = [record.pairs[0].decomposition("cpid")["both"].total[0] for record in (first, extended)]
    assert both[0] == pytest.approx(both[1], rel=1e-6)


def test_asking_for_more_noises_adds_to_what_is_there(tmp_path, epsilon_folder, capsys):
    asked = ["run", "--model", str(epsilon_folder), *PROMPT, "--seeds", "1", "--store"]
    assert main([*asked, str(tmp_path / "one"), "--noises", "64"]) == 0
    first = hdf5.read(only_file(tmp_path / "one")).pairs[0]
    assert main([*asked, str(tmp_path / "one"), "--noises", "256"]) == 0
    texts, evaluations = re.search(r"(\d+) texts, 1 image of 256 noises: ([\d,]+)", capsys.readouterr().err).groups()
    assert int(evaluations.replace(",", "")) == int(texts) * (256 - 64)
    assert hdf5.problems(only_file(tmp_path / "one")) == []
    refined = hdf5.read(only_file(tmp_path / "one")).pairs[0]
    assert refined.noises == (256,) and refined.run_keys != first.run_keys
    assert main([*asked, str(tmp_path / "two"), "--noises", "256"]) == 0
    fresh = hdf5.read(only_file(tmp_path / "two")).pairs[0]
    assert fresh.run_keys == refined.run_keys
    for mode in ("pid", "cpid"):
        before, after, other = (result.decomposition(mode)["both"] for result in (first, refined, fresh))
        assert after.total != before.total
        assert after.total_se[0] < before.total_se[0]
        assert abs(after.total[0] - other.total[0]) < 4 * np.hypot(after.total_se[0], other.total_se[0])


def test_pairs_get_only_what_each_of_them_lacks(tmp_path, epsilon_folder, capsys):
    model = ["run", "--model", str(epsilon_folder), "--seeds", "1", "--store", str(tmp_path), "--prompt", "a red cat"]
    assert main([*model, "--noises", "32", "--pair", "red", "cat"]) == 0
    assert main([*model, "--noises", "16", "--pair", "a", "cat"]) == 0
    capsys.readouterr()
    assert main([*model, "--noises", "32", "--all-pairs"]) == 0
    assert "1 image of 32 noises" in capsys.readouterr().err
    found = {result.pair.name: result.noises for result in hdf5.read(only_file(tmp_path)).pairs}
    assert found == {"a+red": (32,), "a+cat": (32,), "red+cat": (32,)}
    assert hdf5.problems(only_file(tmp_path)) == []


def test_another_measure_takes_no_evaluation(tmp_path, epsilon_folder, capsys):
    asked = ["run", "--model", str(epsilon_folder), *PROMPT, "--noises", "16", "--store", str(tmp_path), "--seeds", "1"]
    assert main(asked) == 0
    for more in (["--measure", "aligned"], ["--measure", "pm", "--surprisals", "1", "2"], ["--estimator", "standard"]):
        measure = [] if "--measure" in more else ["--measure", "ccs"]
        assert main([*asked, *more, *measure]) == 0
        assert "all of it is in the store" in capsys.readouterr().err
        assert hdf5.problems(only_file(tmp_path)) == []
    (result,) = hdf5.read(only_file(tmp_path)).pairs
    assert (result.estimator, result.measure) == ("standard", "ccs")


def test_all_pairs_come_out_of_one_run(tmp_path, epsilon_folder, capsys):
    asked = ["run", "--model", str(epsilon_folder), "--prompt", "one two three four", "--all-pairs"]
    assert main([*asked, "--noises", "16", "--seeds", "1", "--store", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert "6 pairs, 16 texts, 1 image of 16 noises: 256 evaluations at most" in printed.err
    assert "three+four" in printed.out
    record = hdf5.read(only_file(tmp_path))
    assert len(record.pairs) == 6
    assert all(result.complete and result.attention is not None for result in record.pairs)
    assert hdf5.problems(only_file(tmp_path)) == []


def test_pairs_of_one_pass_are_those_of_their_own(tmp_path, epsilon_folder):
    model = ["run", "--model", str(epsilon_folder), "--noises", "64", "--seeds", "1"]
    assert main([*model, "--prompt", "a red cat", "--all-pairs", "--store", str(tmp_path / "all")]) == 0
    assert main([*model, "--prompt", "a red cat", "--pair", "red", "cat", "--store", str(tmp_path / "one")]) == 0
    one, other = (hdf5.read(only_file(tmp_path / name)).result(("red", "cat")) for name in ("all", "one"))
    for mode in ("pid", "cpid"):
        for name in ("redundancy", "synergy", "standard_both"):
            found, expected = (result.decomposition(mode)[name].total for result in (one, other))
            np.testing.assert_allclose(found, expected, rtol=5e-3, atol=1e-3)
    np.testing.assert_allclose(one.attention, other.attention, rtol=1e-3)


def test_a_probe_asks_for_words_that_the_prompt_lacks(tmp_path, epsilon_folder, capsys):
    model = ["run", "--model", str(epsilon_folder), "--prompt", "a doctor", "--noises", "16", "--seeds", "1"]
    assert main([*model, "--probe", "male", "doctor", "--store", str(tmp_path)]) == 0
    assert "4 texts" in capsys.readouterr().err
    (result,) = hdf5.read(only_file(tmp_path)).pairs
    assert (result.pair.words, list(result.information)) == (("male", "doctor"), ["pid"])
    assert main([*model, "--pair", "a", "doctor", "--store", str(tmp_path)]) == 0
    assert {pair.pair.name for pair in hdf5.read(only_file(tmp_path)).pairs} == {"male+doctor", "a+doctor"}


@soak
def test_a_target_is_kept_and_asking_for_it_again_computes_nothing(tmp_path, capsys):
    asked = ["run", *PROMPT, "--seeds", "1", "--noises", "256", "--target-se", "0.4", "--store", str(tmp_path)]
    assert main(asked) == 0
    (result,) = hdf5.read(only_file(tmp_path)).pairs
    assert result.noises[0] < 256
    both = result.decomposition("cpid")["both"]
    assert both.total_se[0] <= 0.4 * both.total[0]
    assert main(asked) == 0
    assert "all of it is in the store" in capsys.readouterr().err


@soak
def test_a_killed_run_keeps_the_images_that_were_done(tmp_path, epsilon_folder):
    asked = ["run", "--model", str(epsilon_folder), *PROMPT, "--noises", "256", "--seeds", "200", "--store", tmp_path]
    run = [sys.executable, "-m", "compute", *map(str, asked)]
    with subprocess.Popen(run, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 300
        while not list(hdf5.paths(tmp_path)) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
    kept = hdf5.read(only_file(tmp_path)).pairs[0].seeds
    assert 0 < len(kept) < 200
    assert hdf5.problems(only_file(tmp_path)) == []


def test_the_precision_asked_for_is_the_one_used(tmp_path, pipeline_folder):
    asked = ["run", "--model", str(pipeline_folder), *PROMPT, "--noises", "16", "--seeds", "1"]
    assert main([*asked, "--dtype", "bfloat16", "--store", str(tmp_path / "half")]) == 0
    assert main([*asked, "--store", str(tmp_path / "auto")]) == 0
    settings = [hdf5.read(only_file(tmp_path / name)).provenance.settings["dtype"] for name in ("half", "auto")]
    assert settings == ["bfloat16", "float32"]


def test_an_own_picture_is_measured(tmp_path, epsilon_folder):
    picture = tmp_path / "own.png"
    Image.new("RGB", (40, 30), "red").save(picture)
    store = tmp_path / "store"
    asked = ["run", "--model", epsilon_folder, *PROMPT, "--image", picture, "--noises", 16, "--store", store]
    assert main([str(part) for part in asked]) == 0
    assert hdf5.read(only_file(store)).key.image != ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pair", "nurse", "doctor"], "'nurse': not in the prompt"),
        (["--pair", "doctor", "doctor"], "with itself"),
        (["--model", "no-such-model"], "use one of embedded"),
        (["--prompt", "female " * 80 + "doctor"], "would cut off"),
        (["--noises", "100"], "multiple of 16"),
        (["--estimator", "standard"], "--estimator orthogonal"),
        (["--measure", "imin"], "use one of mmi"),
        (["--measure", "pm"], "--surprisals"),
        (["--target-se", "5"], "not between 0 and 1"),
        (["--image", "missing.png"], "cannot be read"),
        (["--device", "nonsense"], "use --device cpu"),
        (["--seeds", "0"], "not from 1 to"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_leaves_nothing(
    tmp_path, epsilon_folder, capsys, monkeypatch, arguments, said
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    store = tmp_path / "store"
    code = main(["run", "--model", str(epsilon_folder), *PROMPT, "--store", str(store), *arguments])
    printed = capsys.readouterr().err
    assert code == 2
    assert printed.startswith("error: ")
    assert len(printed.strip().splitlines()) == 1
    assert said in printed
    assert not store.exists()


def test_a_model_that_cannot_be_downloaded_is_said(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert main(["run", "--model", "nobody/no-such-model", *PROMPT, "--store", str(tmp_path / "store")]) == 2
    assert "cannot be downloaded" in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


def test_a_failing_command_is_one_line_in_a_real_process_too(tmp_path):
    done = command("study", "nothing", "--store", tmp_path / "store")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
    assert "study 'nothing': not known" in done.stderr
    assert not (tmp_path / "store").exists()


def test_a_store_that_cannot_be_written_is_said_before_any_work(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["run", *PROMPT, "--store", str(tmp_path / "file" / "store")]) == 2
    assert "choose another --store" in capsys.readouterr().err


def test_a_word_that_the_embedded_model_never_saw_is_named(tmp_path, capsys):
    asked = ["run", "--prompt", "a female zebra", "--pair", "female", "zebra", "--seeds", "1", "--noises", "16"]
    assert main([*asked, "--store", str(tmp_path)]) == 0
    assert "never trained with 'zebra'" in capsys.readouterr().err


def test_models_are_listed_with_their_presence(capsys):
    assert main(["models", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"]: row["present"] for row in rows}["embedded"] is True
