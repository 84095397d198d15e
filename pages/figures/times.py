"""Durations, sizes, numbers of things and moments as people read them."""

from datetime import datetime

UNITS = ((86400, "d"), (3600, "h"), (60, "min"))
SIZES = ((2**30, "GB"), (2**20, "MB"), (2**10, "kB"))


def duration(seconds: float) -> str:
    """A duration to two figures at most, as `3 min` or `1.5 h`."""
    for length, unit in UNITS:
        if seconds >= length:
            count = seconds / length
            return f"{count:.1f} {unit}" if count < 9.5 and unit != "min" else f"{count:.0f} {unit}"
    return f"{max(1, seconds):.0f} s"


def counted(number: int, noun: str) -> str:
    """A number of things, as `1 image` or `1,200 images`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(count: float) -> str:
    """A number of bytes, as `3 MB`."""
    for length, unit in SIZES:
        if count >= length:
            return f"{count / length:.0f} {unit}"
    return f"{count:.0f} bytes"


def moment(written: str) -> str:
    """A time as it is stored (UTC, ISO 8601), as people read it."""
    return datetime.fromisoformat(written).strftime("%Y-%m-%d %H:%M:%S UTC") if written else ""
