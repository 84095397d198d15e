"""What a saved pipeline needs of memory, against what a device has: said before anything is loaded."""

from pathlib import Path

import torch

from compute.models.saved import SavedPipeline
from store.errors import InputError

GIB = 2**30
SIZES = {torch.float32: 4, torch.float16: 2, torch.bfloat16: 2}  # bytes of a number
MEMINFO = Path("/proc/meminfo")


def needed(saved: SavedPipeline, dtype: torch.dtype) -> int:
    """Return the bytes that the weights of `saved` take in `dtype`; raises InputError if a part is missing."""
    return sum(part.numbers for part in saved.parts.values()) * SIZES[dtype]


def there(device: torch.device) -> int | None:
    """Return the bytes that `device` has, of all programs; None where that cannot be known."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    if device.type != "cpu" or not MEMINFO.is_file():
        return None
    lines = dict(line.split(":", 1) for line in MEMINFO.read_text(encoding="ascii").splitlines())
    return int(lines["MemTotal"].split()[0]) * 1024


def check(saved: SavedPipeline, dtype: torch.dtype, device: torch.device) -> str:
    """Return what `saved` needs in `dtype` beside what `device` has, in one line.

    Raises
    ------
    InputError: it needs more than there is.
    """
    wanted, has = needed(saved, dtype), there(device)
    name = str(dtype).removeprefix("torch.")
    if has is not None and wanted > has:
        smaller = "use --dtype bfloat16, or " if SIZES[dtype] == SIZES[torch.float32] else "use "
        why = f"its weights take {_gib(wanted)} in {name}, and {device} has {_gib(has)}"
        raise InputError(f"model {saved.model!r}", why, f"{smaller}a device with more memory")
    return f"{_gib(wanted)} in {name}" + (f", {_gib(has)} on {device}" if has is not None else "")


def _gib(size: int) -> str:
    return f"{size / GIB:,.1f} GiB"
