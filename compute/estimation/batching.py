"""The denoiser, called in batches that fit: out of memory they are halved, what is not finite is asked again."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from compute.models.attention import AttentionRecorder
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
    parts: list[slice] = field(default_factory=list)  # rows of each batch
    predicted: list[Tensor] = field(default_factory=list)  # of each batch
    finite: list[Tensor] = field(default_factory=list)  # of each batch, bool ()


class BatchedDenoiser:
    """Calls of one denoiser: `batch` is how many evaluations are made at once, `retried` how many were made again.

    It `waits` after each batch, to see whether values are finite, where that keeps no GPU waiting.
    """

    def __init__(self, denoiser: Denoiser, batch: int):
        self.denoiser, self.batch, self.retried = denoiser, batch, 0
        self.waits = denoiser.device.type != "cuda"

    def __call__(
        self,
        z: Tensor,
        level: Tensor,
        encoded: Conditioning,
        text: Tensor,
        recorder: AttentionRecorder | None = None,
        recorded: int = -1,
    ) -> Tensor:
        """Predicted noise (B, c, h, w) of `z` at trained `level`s, each under the encoded text at `text` (B,).

        `recorder` takes the attention of those whose text is `recorded`.

        Raises
        ------
        InputError: a single evaluation does not fit into memory, or values are not finite in any precision.
        """
        return self.settle(self.ask(z, level, encoded, text, recorder, recorded))

    def ask(
        self,
        z: Tensor,
        level: Tensor,
        encoded: Conditioning,
        text: Tensor,
        recorder: AttentionRecorder | None = None,
        recorded: int = -1,
    ) -> Asked:
        """Begin what a call does, and return what `settle` ends; raises InputError as a call does."""
        asked, start = Asked(z, level, encoded, text), 0
        while start < len(z):
            part = slice(start, min(start + self.batch, len(z)))
            if recorder:
                recorder.rows = text[part] == recorded
            try:
                found = self.denoiser.predict_noise(z[part], level[part], encoded.select(text[part]))
            except RuntimeError as error:
                self._halve(error, part.stop - part.start)
                continue
            if recorder:
                recorder.keep()
            finite = found.isfinite().all()
            if self.waits and not finite:
                found, finite = self._again(asked, part), torch.tensor(True)
            asked.parts.append(part)
            asked.predicted.append(found)
            asked.finite.append(finite)
            start = part.stop
        return asked

    def settle(self, asked: Asked) -> Tensor:
        """Return the predicted noise (B, c, h, w) once it is known to be finite; raises InputError as a call does."""
        right = torch.stack(asked.finite).tolist()
        found = [
            values if finite else self._again(asked, part)
            for finite, part, values in zip(right, asked.parts, asked.predicted, strict=True)
        ]
        return torch.cat(found)

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

    def _again(self, asked: Asked, part: slice) -> Tensor:
        """Predictions of some rows in the most precise way, as others were not finite."""
        conditioning = asked.encoded.select(asked.text[part])
        with self.denoiser.computing_in(self.denoiser.dtypes[0]):
            again = self.denoiser.predict_noise(asked.z[part], asked.level[part], conditioning)
        self.retried += len(again)
        if not again.isfinite().all():
            raise InputError(
                f"model {self.denoiser.name}",
                f"it returned values that are not finite, in {self.denoiser.dtypes[0]} too".replace("torch.", ""),
                "check its weights",
            )
        return again
