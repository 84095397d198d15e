"""The denoiser, called in batches that fit: out of memory they are halved, what is not finite is asked again."""

import torch
from torch import Tensor

from compute.models.attention import AttentionRecorder
from compute.models.denoiser import Conditioning, Denoiser
from store.errors import InputError

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


class BatchedDenoiser:
    """Calls of one denoiser: `batch` is how many evaluations are made at once, `retried` how many were made again."""

    def __init__(self, denoiser: Denoiser, batch: int):
        self.denoiser, self.batch, self.retried = denoiser, batch, 0

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
        done: list[Tensor] = []
        start = 0
        while start < len(z):
            part = slice(start, min(start + self.batch, len(z)))
            if recorder:
                recorder.rows = text[part] == recorded
            try:
                done.append(self._finite(z[part], level[part], encoded.select(text[part])))
            except RuntimeError as error:
                self._halve(error, part.stop - part.start)
                continue
            if recorder:
                recorder.keep()
            start = part.stop
        return torch.cat(done)

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

    def _finite(self, z: Tensor, level: Tensor, conditioning: Conditioning) -> Tensor:
        predicted = self.denoiser.predict_noise(z, level, conditioning)
        if predicted.isfinite().all():
            return predicted
        with self.denoiser.computing_in(self.denoiser.dtypes[0]):
            again = self.denoiser.predict_noise(z, level, conditioning)
        self.retried += len(z)
        if not again.isfinite().all():
            raise InputError(
                f"model {self.denoiser.name}",
                f"it returned values that are not finite, in {self.denoiser.dtypes[0]} too".replace("torch.", ""),
                "check its weights",
            )
        return again
