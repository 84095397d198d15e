"""The page of jobs and the form for a new one: launched, cancelled, tried again, refused, and only looked at."""

import re
from dataclasses import replace

import pytest
from PIL import Image

from compute.models import registry
from pages.widgets.notices import JOB_FORM
from store import hdf5, settings
from store.jobs import Failure, JobSpec, Progress, Queue, State, WorkerStatus
from store.prompts import model_cards
from tests import synthetic

LINK = {"model": "embedded", "prompt": "a female doctor", "pair": "female+doctor", "mode": "cpid", "seed": "2"}
PAIR = JobSpec("embedded", "a female doctor", (("female", "doctor"),), images=4, noises=64)


@pytest.fixture
def root(tmp_path):
    """A store with one prompt, and the card of the embedded model."""
    hdf5.publish(tmp_path, synthetic.record())
    model_cards.publish(tmp_path, registry.card(registry.load("embedded", device="cpu"), "embedded"))
    return tmp_path


def button(page, label):
    """The button with this label, or None."""
    return next((each for each in page.app.button if each.label == label), None)


def form(page):
    """The page with the form for a new job open, as by a click on its head."""
    page.app.session_state[JOB_FORM] = True
    return page.run()


def test_a_job_outlives_the_session_that_launched_it(opened, root):
    page = form(opened("explorer.py", **LINK)).press("Launch")
    assert any("Job 1 is in the queue" in each.value for each in page.app.toast)
    other = opened("jobs.py")
    assert "queued" in other.said
    other.press("Cancel")
    assert Queue(root).job(1).state == State.CANCELLED
    other.run().press("Retry")
    assert Queue(root).job(1).state == State.QUEUED


def test_the_same_job_is_not_launched_twice(opened, root):
    page = form(opened("explorer.py", **LINK)).press("Launch").press("Launch")
    assert any("Job 1 in the queue asks for the same" in each.value for each in page.app.toast)
    assert [job.number for job in Queue(root).jobs()] == [1]
    Queue(root).cancel(1)
    page.press("Launch")
    assert [job.number for job in Queue(root).jobs()] == [2, 1]


def test_what_failed_is_on_the_page_with_its_reason_as_text(opened, root):
    queue = Queue(root)
    number = queue.submit(PAIR, "<b>Ada</b>")
    queue.beat(WorkerStatus("w", "here", 1, 0.0))
    job = queue.take("w")
    queue.report(job, Progress(4, 3, 1, 3, 0.0, 600))
    queue.fail(job, Failure("a female doctor", 2, "*out* of memory"))
    queue.finish(job, "1 of 4 images could not be measured")
    page = opened("jobs.py")
    assert "1 of 4 images could not be measured" in [each.value for each in page.app.text]
    assert "\u00b7 by <b>Ada</b> \u00b7" in page.said
    assert any(r"\<b\>Ada\<" in each.value for each in page.app.caption)  # no markup
    assert "'a female doctor', seed 2: *out* of memory" in page.app.code[-1].value
    assert button(page, "Retry") and queue.job(number).state == State.FAILED


def test_words_are_checked_before_anything_is_spent(opened, root):
    page = form(opened("explorer.py", **LINK)).type("Prompt of the job", "a female doctor " + "and a cat " * 6)
    assert "model embedded reads 14 and would cut off" in page.said
    assert button(page, "Launch").disabled
    page.type("Prompt of the job", "a female zebra")
    page.choose("Words of it", ["female", "zebra"])
    assert "never trained with zebra" in page.said
    assert not button(page, "Launch").disabled
    page.choose("What to ask about", "A study")
    assert re.search(r"\d+ prompts, \d+ images", page.said)
    page.choose("What to ask about", "A prompt")
    assert next(each for each in page.app.text_input if each.label == "Prompt of the job").value == "a female zebra"
    assert "never trained with zebra" in page.said


def test_what_is_only_shown_offers_no_jobs(opened, root, monkeypatch):
    Queue(root).submit(PAIR, "Ada")
    monkeypatch.setenv(f"{settings.PREFIX}READ_ONLY", "1")
    page = opened("jobs.py")
    assert "female + doctor in 'a female doctor'" in page.said
    assert not button(page, "Launch") and not button(page, "Cancel")


def test_an_own_image_is_asked_about(opened, root, tmp_path_factory):
    own = tmp_path_factory.mktemp("own") / "my_doctor.png"
    Image.new("RGB", (40, 30), "red").save(own)
    page = form(opened("explorer.py", **LINK))
    (upload,) = page.app.file_uploader
    upload.set_value(("broken.png", b"no image", "image/png"))
    assert "image broken.png: cannot be read" in page.run().said
    assert not button(page, "Launch")
    page.app.file_uploader[0].set_value((own.name, own.read_bytes(), "image/png"))
    assert "1 image, 8 texts, 64 noises" in page.run().said
    page.press("Launch")
    assert "female + doctor in 'my_doctor.png'" in page.said
    queue = Queue(root)
    assert queue.picture(1) == own.read_bytes()
    assert (queue.job(1).wanted.picture, queue.job(1).wanted.images) == ("my_doctor.png", 1)


def test_an_empty_store_leads_to_the_form_filled_in_for_it(opened):
    page = opened("gender.py").press("Or launch it from here")
    assert next(each for each in page.app.selectbox if each.label == "Study").value == "embedded-gender"
    assert not button(page, "Launch").disabled


def test_the_form_takes_the_row_that_is_open(opened, tmp_path):
    synthetic.bias(tmp_path, 2, size=8, grid=4)
    page = form(opened("gender.py", model="embedded", subject="nurse"))
    assert next(each for each in page.app.text_input if each.label == "Prompt of the job").value == "a male nurse"
    assert page.app.session_state["launch words"] == ["male", "nurse"]


def test_what_is_added_to_a_model_has_fields_of_its_own(opened, root, tmp_path_factory):
    file = tmp_path_factory.mktemp("own") / "toy.safetensors"
    file.write_bytes(b"")
    page = form(opened("explorer.py", **LINK))
    page.app.text_area(key="launch loras").set_value(f"{file}:0.8\nacme/toy")
    page.type("Image size", "7x7")
    assert "--size 7x7: not WIDTHxHEIGHT" in page.said
    assert not button(page, "Launch")
    page.type("Image size", "768x512")
    page.app.selectbox(key="launch quantize").set_value("int8")
    page.app.selectbox(key="launch offload").set_value("offload")
    page.run().press("Launch")
    wanted = f"embedded --lora {file}:0.8 --lora acme/toy:1 --size 768x512 --quantize int8 --offload"
    assert Queue(root).job(1).wanted.model == wanted
    assert wanted in opened("jobs.py").said.replace("\\", "")


def test_a_model_that_cannot_be_loaded_is_said_before_the_job_starts(opened, root):
    page = form(opened("explorer.py", **LINK)).type("Model of the job", "/nowhere/at/all")
    assert "/nowhere/at/all is not on this machine" in page.said.replace("\\", "")
    assert not button(page, "Launch").disabled  # a worker may have it
    queue = Queue(root)
    queue.submit(JobSpec("/nowhere/at/all", "a female doctor", (("female", "doctor"),)), "Ada")
    queue.beat(WorkerStatus("w", "here", 1, 0.0))
    queue.finish(queue.take("w"), "model '/nowhere/at/all': there is no such folder")
    assert "Job 1 of this model failed: model '/nowhere/at/all'" in page.run().said.replace("\\", "")
    page.type("Model of the job", "/data/old.ckpt")
    assert "its weights are pickled" in page.said
    assert button(page, "Launch").disabled


def test_the_fields_are_filled_with_what_the_shown_model_has(opened, tmp_path):
    card = registry.card(registry.load("embedded", device="cpu"), "embedded --lora acme/toy:0.5 --size 64x64")
    model_cards.publish(tmp_path, replace(card, name="embedded + toy:0.5 64x64"))
    hdf5.publish(tmp_path, synthetic.record(model="embedded + toy:0.5 64x64"))
    page = form(opened("explorer.py", **{**LINK, "model": "embedded + toy:0.5 64x64"}))
    state = page.app.session_state
    assert [state[f"launch {name}"] for name in ("model", "loras", "size")] == ["embedded", "acme/toy:0.5", "64x64"]
