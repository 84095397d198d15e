"""What is added to a pipeline's weights: LoRAs, which are merged into them, and learned embeddings of new words."""

import inspect
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from compute.models.weights.loading import one_line
from store.errors import InputError
from store.jobs.choice import Lora, ModelChoice

KEY = re.compile(
    r"(?P<module>.+?)(?:_lora|\.lora_linear_layer|\.lora)[._](?P<side>A|B|down|up)(?:\.default(?:_0)?)?\.weight"
)
USUAL = "pytorch_lora_weights.safetensors"  # the name of the file that diffusers writes
DOWN = {"A", "down"}
PARTS = ("unet", "transformer", "text_encoder", "text_encoder_2", "text_encoder_3")
TROUBLES = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError)


def located(choice: ModelChoice) -> ModelChoice:
    """Return `choice` with files in place of LoRAs on the hub; those that are not in its cache are downloaded.

    Raises
    ------
    InputError: one cannot be reached, or it has several files of which none is named.
    """
    return replace(choice, loras=tuple(replace(lora, file=_file_of(lora)) for lora in choice.loras))


def _file_of(lora: Lora) -> str:
    if lora.hub_id is None:
        return lora.file
    source, name = lora.hub_id
    try:
        folder = Path(snapshot_download(source, allow_patterns=name or "*.safetensors"))
    except (OSError, ValueError, HfHubHTTPError, HFValidationError) as error:
        mend = "check its id and the network, or give a .safetensors file"
        raise InputError(f"LoRA {lora.file}", f"cannot be downloaded ({one_line(error)})", mend) from error
    there = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.safetensors"))
    chosen = [file for file in there if file == (name or USUAL)] or ([] if name else there)
    if len(chosen) != 1:
        why = f"it has {', '.join(there[:5])}" if there else "it has no .safetensors file"
        raise InputError(f"LoRA {lora.file}", why, f"choose one: --lora {source}/FILE")
    return str(folder / chosen[0])


def add(pipeline: DiffusionPipeline, choice: ModelChoice) -> None:
    """Add to `pipeline` what `choice` says.

    Raises
    ------
    InputError: a file is missing, no safetensors file, or for weights of another shape.
    """
    for file in choice.embeddings:
        _add_embedding(pipeline, Path(file).expanduser())
    for lora in choice.loras:
        _merge(pipeline, lora)


def _merge(pipeline: DiffusionPipeline, lora: Lora) -> None:
    """Add the product of both factors, times `weight` and alpha / rank, to each weight that a LoRA names."""
    about, path = f"LoRA {lora.file}", Path(lora.file).expanduser()
    state, alphas = _read(pipeline, path, about)
    factors: dict[str, dict[bool, Tensor]] = {}
    strengths: dict[str, float] = {}  # alphas, by the module they belong to
    for key, value in state.items():
        if found := KEY.fullmatch(key):
            factors.setdefault(found["module"], {})[found["side"] in DOWN] = value
            if f"{key}.alpha" in alphas:
                strengths[found["module"]] = float(alphas[f"{key}.alpha"])
        elif not key.endswith("alpha"):
            raise InputError(about, f"it holds {key[:80]}, which is no low-rank difference", "use a LoRA")
    changes = []
    for name, pair in factors.items():
        weight = _weight(pipeline, name)
        if weight is None or set(pair) != {True, False}:
            raise InputError(about, f"it is for another architecture: {name[:80]}", "use a LoRA for this model")
        down, up = pair[True].float(), pair[False].float()
        difference = (up.flatten(1) @ down.flatten(1)).reshape(-1)
        if difference.numel() != weight.numel() or up.shape[0] != weight.shape[0]:
            why = f"it is for another architecture: {name[:80]} has the shape {tuple(weight.shape)} here"
            raise InputError(about, why, "use a LoRA for this model")
        alpha = strengths.get(name, float(alphas.get(f"{name}.alpha", down.shape[0])))
        scale = lora.weight * alpha / down.shape[0]
        changes.append((weight, scale * difference.reshape(weight.shape)))
    if not changes:
        raise InputError(about, "it names no weight of this pipeline", "use a LoRA for this model")
    with torch.no_grad():
        for weight, change in changes:
            weight += change.to(weight)


def _read(pipeline: DiffusionPipeline, path: Path, about: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a LoRA under the names of diffusers, and their alphas."""
    _check_file(path, about)
    reading = getattr(type(pipeline), "lora_state_dict", None)
    if reading is None:
        raise InputError(about, f"{type(pipeline).__name__} takes no LoRA", "use the model without it")
    options: dict[str, Any] = {"weight_name": path.name, "use_safetensors": True, "local_files_only": True}
    if hasattr(pipeline, "unet"):
        options["unet_config"] = pipeline.unet.config
    if "return_alphas" in inspect.getsource(reading):
        options["return_alphas"] = True
    try:
        found = pipeline.lora_state_dict(str(path.parent), **options)
    except TROUBLES as error:
        raise InputError(about, f"cannot be read ({one_line(error)})", "use a LoRA for this model") from error
    state, alphas = found if isinstance(found, tuple) else (found, None)
    return state, dict(alphas or {})


def _weight(pipeline: DiffusionPipeline, name: str) -> Tensor | None:
    """The weight that a LoRA calls `name`, None if there is none."""
    part, _, inside = name.partition(".")
    if part not in PARTS or getattr(pipeline, part, None) is None:
        part, inside = ("transformer" if getattr(pipeline, "transformer", None) else "unet"), name
    modules = dict(getattr(pipeline, part).named_modules())
    inside = inside.replace(".processor.", ".")
    forms = (inside, f"{inside}.0", inside.removeprefix("text_model."), f"text_model.{inside}")
    return next((modules[form].weight for form in forms if hasattr(modules.get(form), "weight")), None)


def _add_embedding(pipeline: DiffusionPipeline, path: Path) -> None:
    about = f"embedding {path}"
    _check_file(path, about)
    if not hasattr(pipeline, "load_textual_inversion"):
        raise InputError(about, f"{type(pipeline).__name__} takes no learned words", "use the model without it")
    try:
        tensors = load_file(path)
        for suffix, name in (("", "clip_l"), ("_2", "clip_g")):
            if {"clip_l", "clip_g"} <= tensors.keys():
                parts = {part: getattr(pipeline, part + suffix) for part in ("text_encoder", "tokenizer")}
                pipeline.load_textual_inversion({path.stem: tensors[name]}, token=f"<{path.stem}>", **parts)
        if not {"clip_l", "clip_g"} <= tensors.keys():
            pipeline.load_textual_inversion(tensors)
    except TROUBLES as error:
        raise InputError(about, f"cannot be used ({one_line(error)})", "use one for this model") from error


def _check_file(path: Path, about: str) -> None:
    if not path.is_file():
        raise InputError(about, "there is no such file", "give a .safetensors file")
    if path.suffix != ".safetensors":
        raise InputError(about, "its weights are pickled, and such are never loaded", "convert it to safetensors")
