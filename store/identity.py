"""Run keys: they identify the work behind each image, so that the same work is done once."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from store.records import RunKey, Span


@dataclass(frozen=True)
class Identity:
    """All that decides the numbers of one pair about one image.

    `tokens` are the ids of each condition text, isolated texts first; `log_snr` is the digest of the noise levels in
    use; `scheme` names how noises are drawn and estimates formed.
    """

    run: RunKey
    tokens: tuple[tuple[int, ...], ...]
    spans: tuple[Span, ...]  # of the words in the prompt; none for a probe
    seed: int
    steps: int  # of the image's generation
    log_snr: str
    noises: int
    scheme: str

    @property
    def key(self) -> str:
        """The run key: SHA-256 of the JSON of all fields, in hexadecimal."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def of(self, seed: int, noises: int) -> "Identity":
        """Return the identity of the same work about the image `seed`, with `noises` noises."""
        return replace(self, seed=seed, noises=noises)


def digest_of_levels(log_snr: Sequence[float]) -> str:
    """Return the digest of noise levels, rounded to a millionth of log SNR."""
    return hashlib.sha256(np.round(np.asarray(log_snr, np.float64), 6).astype("<f8").tobytes()).hexdigest()
