"""Noise levels in a scheduler's own terms, and what its parametrisation says about the noise."""

from dataclasses import dataclass

import torch
from diffusers import SchedulerMixin
from torch import Tensor

from compute.models.replay.recording import Time
from store.errors import InputError

FLOW = "flow"
PREDICTIONS = ("epsilon", "v_prediction", "sample")
FLOW_POSITIONS = 1000  # a flow model knows a continuum of levels; these are the ones of its training


@dataclass(frozen=True)
class TrainedLevels:
    """The trained levels of a model: `log_snr` float64 (T,), +-inf allowed, and each level as a pipeline names it.

    `signal` and `noise`, float64 (T,), are the factors of clean latent and noise in what the network is given. They
    are sqrt(sigmoid(log_snr)) and sqrt(sigmoid(-log_snr)), or 1 - sigma and sigma for flow models, whose log SNR is
    2 log((1 - sigma) / sigma).
    """

    log_snr: Tensor
    times: tuple[Time, ...]
    signal: Tensor
    noise: Tensor
    prediction: str

    @classmethod
    def of(cls, scheduler: SchedulerMixin, name: str) -> "TrainedLevels":
        """Return the levels of the training of `scheduler`, whatever it does when images are generated.

        Raises
        ------
        InputError: the model called `name` predicts something else, or its schedule is of another kind.
        """
        prediction = scheduler.config.get("prediction_type") or "epsilon"
        if "FlowMatch" in type(scheduler).__name__ or prediction == "flow_prediction":
            sigma = torch.arange(1, FLOW_POSITIONS + 1, dtype=torch.float64) / FLOW_POSITIONS
            times = tuple(Time(1000 * each, each) for each in sigma.tolist())
            log_snr = 2 * ((1 - sigma) / sigma).log()
            return cls(log_snr=log_snr, times=times, signal=1 - sigma, noise=sigma, prediction=FLOW)
        alphas = getattr(scheduler, "alphas_cumprod", None)
        if alphas is None:
            cause = f"{type(scheduler).__name__} has no schedule of trained noise levels"
            raise InputError(f"model {name!r}", cause, "use a model with a scheduler of betas, as DDIMScheduler")
        if prediction not in PREDICTIONS:
            mend = f"use one that predicts {', '.join(PREDICTIONS)} or flow_prediction"
            raise InputError(f"model {name!r}", f"it predicts {prediction!r}", mend)
        alphas = alphas.double().cpu()
        times = tuple(map(Time, range(len(alphas))))
        return cls(
            log_snr=alphas.log() - (-alphas).log1p(),
            times=times,
            signal=alphas.sqrt(),
            noise=(1 - alphas).sqrt(),
            prediction=prediction,
        )

    def latents(self, z: Tensor, level: Tensor) -> Tensor:
        """Return what the network is given for `z` (B, c, h, w), noisy at `level` (B,) in variance-preserving form."""
        if self.prediction != FLOW:
            return z
        scale = (self.signal.square() + self.noise.square()).sqrt()
        return z * _rows(scale, level, z)

    def predicted_noise(self, output: Tensor, latents: Tensor, level: Tensor) -> Tensor:
        """Return the predicted noise (B, c, h, w) that an `output` stands for, of noisy `latents`.

        Latents and output are in the scheduler's terms.
        """
        signal, noise = _rows(self.signal, level, latents), _rows(self.noise, level, latents)
        match self.prediction:
            case "epsilon":
                return output
            case "v_prediction":
                return signal * output + noise * latents
            case "sample":
                return (latents - signal * output) / noise
        return latents + signal * output


def _rows(values: Tensor, level: Tensor, like: Tensor) -> Tensor:
    return values[level.cpu()].view(-1, *[1] * (like.dim() - 1)).to(like.device, torch.float32)
