"""Recorded calls of one text each, replayed in batches: other latents, and one time a row."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from compute.models.replay.recording import Path, RecordedCall


@dataclass(frozen=True)
class CallForm:
    """Where a pipeline's calls hold what. All of it is found by comparing recordings; no family is known by name.

    `rows` are the ways to values that grow with the number of texts: tensors along their first dimension, or lists.
    `latents` and `times` are the ways to what the latents and the noise level decide.
    """

    rows: frozenset[Path]
    latents: Path
    times: tuple[Path, ...]

    def row_of(self, path: Path) -> Path | None:
        """Return the value that grows with the texts and holds the one at `path`, if there is one."""
        return next((path[:end] for end in range(len(path) + 1) if path[:end] in self.rows), None)


def growing(one: RecordedCall, two: RecordedCall) -> frozenset[Path]:
    """Return the ways to values that are twice as long in the call of two texts as in that of one."""
    single, double = one.values(), two.values()
    found: set[Path] = set()
    for path, value in single.items():
        other = double.get(path)
        if torch.is_tensor(value) and torch.is_tensor(other) and value.dim():
            grows = len(other) == 2 * len(value) and other.shape[1:] == value.shape[1:]
        else:
            grows = isinstance(value, list) and isinstance(other, list) and len(other) == 2 * len(value) > 0
        if grows and not any(path[:end] in found for end in range(len(path))):
            found.add(path)
    return frozenset(found)


class RecordedTexts:
    """Recorded calls of texts that can share a batch: their tensors have equal shapes, and the rest is equal."""

    def __init__(self, form: CallForm, calls: Sequence[RecordedCall]):
        self.form, self.template, self.count = form, calls[0], len(calls)
        values = [call.values() for call in calls]
        self.kept: dict[Path, Any] = {}  # (K, ...) tensors, or K lists
        for path in form.rows:
            each = [value[path] for value in values]
            self.kept[path] = torch.stack(each) if torch.is_tensor(each[0]) else each

    def call(self, text: Tensor, latents: Tensor, times: dict[Path, Tensor]) -> RecordedCall:
        """Return the call for B rows.

        Row i has the text at `text[i]`, `latents[i]` (B, ...) and the time `times[path][i]`.
        """
        changed: dict[Path, Any] = {}
        for path, kept in self.kept.items():
            if torch.is_tensor(kept):
                changed[path] = kept[text.to(kept.device)].flatten(0, 1)
            else:
                changed[path] = [each for row in text.tolist() for each in kept[row]]
        changed |= self._placed(self.form.latents, latents)
        for path, values in times.items():
            changed |= self._placed(path, values)
        return self.template.with_values(changed)

    def _placed(self, path: Path, values: Tensor) -> dict[Path, Any]:
        """`values` (B, ...) where the template holds those of one row at `path`."""
        like = self.template.values()[path]
        row = self.form.row_of(path)
        if row is None or row == path:
            return {path: values.reshape(-1, *like.shape[1:])}
        return {row: [each.reshape(like.shape) for each in values]}


def signature(form: CallForm, call: RecordedCall) -> Hashable:
    """Return what two calls have in common whose texts can share a batch."""
    parts: list[Hashable] = []
    free = {form.latents, *form.times}
    for path, value in call.values().items():
        if path in free:
            continue
        if torch.is_tensor(value):
            shared = form.row_of(path) is None
            parts.append((path, tuple(value.shape), _bytes(value) if shared else None))
        elif not isinstance(value, (list, tuple, dict)) and form.row_of(path) is None:
            parts.append((path, repr(value)))
    return tuple(parts)


def _bytes(values: Tensor) -> bytes:
    return values.cpu().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes()
