"""What a saved pipeline needs of memory, against what a device has, and what makes it need less."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline

from compute.models.weights.saved import SavedPart, SavedPipeline
from store.errors import InputError
from store.jobs.choice import LAYERS, PARTS, ModelChoice

GIB = 2**30
SIZES = {torch.float32: 4, torch.float16: 2, torch.bfloat16: 2}  # bytes of a number
QUANTIZED = {"int8": 1.0, "nf4": 0.5 + 4 / 64}  # bytes of a number; nf4 has a float32 factor for 64 of them
PACKAGES = {"int8": "torchao", "nf4": "bitsandbytes"}
MEMINFO = Path("/proc/meminfo")


def check(saved: SavedPipeline, dtype: torch.dtype, device: torch.device, choice: ModelChoice) -> str:
    """Return what `saved` needs in `dtype` beside what `device` has, in one line; `choice` may make it need less.

    Raises
    ------
    InputError: it needs more than there is, or what makes it need less does not work here.
    """
    _check_means(choice, device)
    name = " and ".join(filter(None, [choice.quantize, str(dtype).removeprefix("torch.")]))
    sizes = [needed(part, dtype, choice.quantize) for part in saved.parts.values()]
    said = f"{_gib(sum(sizes))} in {name}"
    places = [(device, sum(sizes))]
    if choice.offload:
        there_at_once = max(sizes) if choice.offload == PARTS else 0
        places = [(device, there_at_once), (torch.device("cpu"), sum(sizes))]
    for place, wanted in places:
        has = there(place)
        if has is not None and wanted > has:
            why = f"its weights take {_gib(wanted)} in {name}, and {place} has {_gib(has)}"
            raise InputError(f"model {saved.model!r}", why, f"use {_smaller(dtype, device, choice)}")
        said += f", {_gib(has)} on {place}" if has is not None else ""
    return said


def needed(part: SavedPart, dtype: torch.dtype, quantize: str = "") -> float:
    """Return the bytes that the weights of `part` take in `dtype`, its matrices quantized if `quantize` says so."""
    matrices = part.matrices if quantize and _is_quantized(part) else 0
    return matrices * QUANTIZED.get(quantize, 0) + (part.numbers - matrices) * SIZES[dtype]


def there(device: torch.device) -> int | None:
    """Return the bytes that `device` has, of all programs; None where that cannot be known."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    if device.type != "cpu" or not MEMINFO.is_file():
        return None
    lines = dict(line.split(":", 1) for line in MEMINFO.read_text(encoding="ascii").splitlines())
    return int(lines["MemTotal"].split()[0]) * 1024


def quantization(part: SavedPart, dtype: torch.dtype, quantize: str) -> Any:
    """Return the configuration by which `part` is quantized as it is loaded, None if it is not."""
    if not quantize or not _is_quantized(part):
        return None
    library = import_module(part.package)
    if quantize == "int8":
        return library.TorchAoConfig(import_module("torchao.quantization").Int8WeightOnlyConfig())
    return library.BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)


def place(pipeline: DiffusionPipeline, device: torch.device, offload: str = "") -> DiffusionPipeline:
    """Bring `pipeline` to `device`, or let it go there in parts or in layers as they are needed."""
    if offload == PARTS:
        pipeline.enable_model_cpu_offload(device=device)
    elif offload == LAYERS:
        options = {"offload_type": "leaf_level", "exclude_modules": "vae"}  # whose precision may change
        pipeline.enable_group_offload(device, **options)
    else:
        pipeline.to(device)
    return pipeline


def _is_quantized(part: SavedPart) -> bool:
    return bool(part.weights) and part.name != "vae"


def _check_means(choice: ModelChoice, device: torch.device) -> None:
    """Raise InputError where quantization or offloading does not work."""
    if choice.offload and device.type == "cpu":
        why = "it moves weights to a device as they are needed, and the CPU has them in its memory"
        raise InputError(f"--{choice.offload}", why, "use it with a GPU, or --quantize int8")
    if not choice.quantize:
        return
    about, package = f"--quantize {choice.quantize}", PACKAGES[choice.quantize]
    if find_spec(package) is None:
        raise InputError(about, f"it needs {package}, which is not installed", f"install it: pip install {package}")
    if choice.quantize == "nf4" and device.type != "cuda":
        raise InputError(about, f"{package} needs an NVIDIA GPU", "use --quantize int8")
    if choice.loras:
        why = "a LoRA is merged into weights, and quantized ones cannot be changed"
        raise InputError(about, why, "leave out one of --quantize and --lora")


def _smaller(dtype: torch.dtype, device: torch.device, choice: ModelChoice) -> str:
    """What makes a model need less of `device` than `choice` does."""
    cuda, means = device.type == "cuda", []
    if dtype == torch.float32 and not choice.quantize:
        means.append("--dtype bfloat16")
    if not choice.quantize and not choice.loras:
        means.append("--quantize int8")
    if choice.quantize == "int8" and cuda:
        means.append("--quantize nf4")
    if cuda and choice.offload != LAYERS:
        means.append("--offload-layers" if choice.offload else "--offload")
    return " or ".join(filter(None, [", ".join(means), "a device with more memory"]))


def _gib(size: float) -> str:
    return f"{size / GIB:,.1f} GiB"
