"""A saved pipeline -> the pipeline: nothing is filled in by chance, and nothing is left over."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import diffusers
import torch
import transformers
from diffusers import DiffusionPipeline

from compute.models.weights import memory
from compute.models.weights.checkpoint import DENOISERS, SavedCheckpoint
from compute.models.weights.saved import IGNORED, SavedPart, SavedPipeline
from store.errors import InputError

NAMED = 4  # keys in an error
UNSAFE = {"requires_safety_checker"}  # options that warn where there is none
MEMORY = MemoryError, torch.OutOfMemoryError  # no fault of a model


def load_pipeline(saved: SavedPipeline, dtype: torch.dtype, quantize: str = "") -> DiffusionPipeline:
    """Return the pipeline with its weights in `dtype`, without the parts that draw nothing.

    What `quantize` names, as int8, is done to the matrices of all parts but the autoencoder.

    Raises
    ------
    InputError: a part is missing, damaged, or its weights are not those that its configuration asks for.
    """
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    held = saved.held if isinstance(saved, SavedCheckpoint) else frozenset()
    parts = {
        part.name: load_part(saved, part, dtype, quantize)
        for part in saved.parts.values()
        if part.weights and part.name not in held
    }
    family = getattr(diffusers, saved.family)
    there = inspect.signature(family.__init__).parameters
    options = dict.fromkeys((IGNORED | saved.absent) & there.keys()) | dict.fromkeys(UNSAFE & there.keys(), False)
    try:
        if not isinstance(saved, SavedCheckpoint):
            return family.from_pretrained(saved.folder, dtype=dtype, local_files_only=True, **parts, **options)
        with _silence():
            if quantize:
                parts |= {name: _denoiser(saved, saved.parts[name], dtype, quantize) for name in held & DENOISERS}
            found = family.from_single_file(
                str(saved.file), config=str(saved.folder), dtype=dtype, local_files_only=True, **parts, **options
            )
    except MEMORY:
        raise
    except NotImplementedError as error:  # a weight without values was to be moved
        why = f"the file lacks weights that the configuration in {saved.folder} asks for"
        raise saved.refused(why, "download it again, or give the --config of its kind") from error
    except Exception as error:  # a wrong configuration makes the libraries raise whatever they happen to
        raise saved.refused(f"it cannot be loaded ({one_line(error)})", "download or save it again") from error
    _check_filled(saved, found)
    return found


@contextmanager
def _silence() -> Iterator[None]:
    """Within it the libraries do not warn of what is an error here."""
    libraries = (diffusers.utils.logging, transformers.utils.logging)
    loud = [library.get_verbosity() for library in libraries]
    for library in libraries:
        library.set_verbosity_error()
    try:
        yield
    finally:
        for library, level in zip(libraries, loud, strict=True):
            library.set_verbosity(level)


def _denoiser(saved: SavedCheckpoint, part: SavedPart, dtype: torch.dtype, quantize: str) -> torch.nn.Module:
    return part.type.from_single_file(  # type: ignore[attr-defined]
        str(saved.file),
        config=str(saved.folder),
        subfolder=part.name,
        dtype=dtype,
        local_files_only=True,
        quantization_config=memory.quantization(part, dtype, quantize),
    )


def _check_filled(saved: SavedPipeline, pipeline: DiffusionPipeline) -> None:
    """Raise InputError if a file had no values for some of the weights."""
    for name, part in pipeline.components.items():
        if not isinstance(part, torch.nn.Module):
            continue
        empty = sorted(key for key, value in part.named_parameters() if value.is_meta)
        if empty:
            raise _unfitting(saved, name, "missing", empty)


def load_part(saved: SavedPipeline, part: SavedPart, dtype: torch.dtype, quantize: str = "") -> torch.nn.Module:
    """Return one part with its weights in `dtype`; raises InputError if keys are missing or left over."""
    configuration = memory.quantization(part, dtype, quantize)
    try:
        with _silence():
            found, info = part.type.from_pretrained(  # type: ignore[attr-defined]
                saved.folder,
                subfolder=part.name,
                dtype=dtype,
                variant=part.variant or None,
                use_safetensors=True,
                output_loading_info=True,
                local_files_only=True,
                **({} if configuration is None else {"quantization_config": configuration}),
            )
    except MEMORY:
        raise
    except Exception as error:  # as above
        why = f"its {part.name} cannot be loaded ({one_line(error)})"
        raise saved.refused(why, "download or save it again") from error
    buffers = {name for name, _ in found.named_buffers()}  # old files hold those that are computed today
    for kind in ("missing", "unexpected", "mismatched"):
        keys = sorted(str(key) for key in set(map(_name, info.get(f"{kind}_keys") or ())) - buffers)
        if keys:
            raise _unfitting(saved, part.name, kind, keys)
    return found


def _unfitting(saved: SavedPipeline, part: str, kind: str, keys: Sequence[str]) -> InputError:
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    why = f"the weights of its {part} do not fit its configuration: {kind} {', '.join(keys[:NAMED])}{more}"
    return saved.refused(why, "download or save it again")


def _name(key: object) -> str:
    """The name of a key, which comes with its shapes where these do not match."""
    return str(key[0]) if isinstance(key, tuple) else str(key)


def one_line(error: Exception) -> str:
    """Return what `error` says, in one line of at most 200 characters."""
    return (" ".join(str(error).split()) or type(error).__name__)[:200]
