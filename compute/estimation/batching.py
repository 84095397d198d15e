"""The denoiser, called in batches that fit: out of memory they are halved, what is not finite is asked again."""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from compute.models.attention import AttentionRecorder, Shown
from compute.models.denoiser import Conditioning, Denoiser
from store.errors import InputError

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


@dataclass
class Asked:
    """Evaluations that are under way: a GPU may not have done them yet."""

    z: Tensor
    level: Tensor
    encoded: Conditioning
    text: Tensor
    recorder: AttentionRecorder | None
    recorded: int
    parts: list[slice] = field(default_factory=list)  # rows of each batch
    batches: list["Predicted"] = field(default_factory=list)


class Predicted(NamedTuple):
    """The predicted noise of a batch (B, c, h, w), whether all of it is finite, bool (), and what attention showed."""

    noise: Tensor
    finite: Tensor
    shown: Shown | None


class BatchedDenoiser:
    """Calls of one denoiser: `batch` is how many evaluations are made at once, `retried` how many were made again.

    It `waits` after each batch, to see whether values are finite, where that keeps no GPU waiting.
    """

    def __init__(self, denoiser: Denoiser, batch: int):
        self.denoiser, self.batch, self.retried = denoiser, batch, 0
        self.waits = denoiser.device.type != "cuda"

    def __call__(self, z: Tensor, level: Tensor, encoded: Conditioning, text: Tensor) -> Tensor:
        """Return what `settle` does of what `ask` begins."""
        return self.settle(self.ask(z, level, encoded, text))

    def ask(
        self,
        z: Tensor,
        level: Tensor,
        encoded: Conditioning,
        text: Tensor,
        recorder: AttentionRecorder | None = None,
        recorded: int = -1,
    ) -> Asked:
        """Begin to predict the noise of `z` (B, c, h, w) at trained `level`s, under the encoded texts at `text` (B,).

        `recorder` takes the attention of those whose text is `recorded`. `settle` ends what this returns.

        Raises
        ------
        InputError: a single evaluation does not fit into memory, or values are not finite in any precision.
        """
        asked = Asked(z=z, level=level, encoded=encoded, text=text, recorder=recorder, recorded=recorded)
        start = 0
        while start < len(z):
            part = slice(start, min(start + self.batch, len(z)))
            try:
                found = self._predict(asked, part)
            except RuntimeError as error:
                self._halve(error, part.stop - part.start)
                continue
            if self.waits and not found.finite:
                found = self._again(asked, part)
            asked.parts.append(part)
            asked.batches.append(found)
            start = part.stop
        return asked

    def settle(self, asked: Asked) -> Tensor:
        """Return the predicted noise (B, c, h, w) once it is known to be finite; raises InputError as `ask` does."""
        right = torch.stack([batch.finite for batch in asked.batches]).tolist()
        found = [
            batch if finite else self._again(asked, part)
            for finite, part, batch in zip(right, asked.parts, asked.batches, strict=True)
        ]
        for batch in found:
            if asked.recorder and batch.shown:
                asked.recorder.add(batch.shown)
        return torch.cat([batch.noise for batch in found])

    def _predict(self, asked: Asked, part: slice) -> Predicted:
        """Predictions of some rows; whatever fails leaves nothing of what attention showed."""
        recorder, text = asked.recorder, asked.text[part]
        if recorder:
            recorder.taken()
            recorder.rows = text == asked.recorded
        noise = self.denoiser.predict_noise(asked.z[part], asked.level[part], asked.encoded.select(text))
        return Predicted(noise, noise.isfinite().all(), recorder.taken() if recorder else None)

    def _halve(self, error: RuntimeError, count: int) -> None:
        if not any(sign in str(error).lower() for sign in OUT_OF_MEMORY):
            raise error
        if count == 1:
            raise InputError(
                f"model {self.denoiser.name}",
                f"one evaluation does not fit into the memory of {self.denoiser.device}",
                "use another --device, or --dtype float16",
            ) from error
        self.batch = count // 2
        if self.denoiser.device.type == "cuda":
            torch.cuda.empty_cache()

    def _again(self, asked: Asked, part: slice) -> Predicted:
        """Predictions of some rows in the most precise way, as others were not finite."""
        with self.denoiser.computing_in(self.denoiser.dtypes[0]):
            again = self._predict(asked, part)
        self.retried += len(again.noise)
        if not again.finite:
            raise InputError(
                f"model {self.denoiser.name}",
                f"it returned values that are not finite, in {self.denoiser.dtypes[0]} too".replace("torch.", ""),
                "check its weights",
            )
        return again
