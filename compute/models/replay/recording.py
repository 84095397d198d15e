"""A pipeline's own call is the adapter: what it gives its denoiser, its scheduler and its autoencoder is written down.

A scheduler that offers one time and listens takes the place of the pipeline's own; a hook stops before the denoiser
computes. What is recorded of one text can be replayed with other latents and with one time a row.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, NamedTuple

import torch
from diffusers import DiffusionPipeline
from torch import Tensor, nn

Path = tuple[int | str, ...]  # the way to a value inside a call: (args, kwargs) and what they hold


@dataclass(frozen=True)
class Time:
    """A noise level in a scheduler's own terms: `sigma` is None where the scheduler counts steps alone."""

    timestep: float
    sigma: float | None = None


class _Stop(Exception):
    """The pipeline has said what was to be recorded."""


@dataclass
class LoopStep:
    """What a scheduler was given: the denoiser's `output` in the scheduler's terms, and the `latents` of the loop."""

    output: Tensor
    latents: Tensor


class NextLatents(NamedTuple):
    """What a scheduler returns, for pipelines that want a tuple, and for those that want an object."""

    prev_sample: Tensor
    pred_original_sample: Tensor


def _listening(base: Any, time: Time, on_step: Callable[[LoopStep], Tensor]) -> Any:
    """A scheduler class that offers `time` alone and passes each step to `on_step`, which returns the next latents."""

    class Listening(base):
        init_noise_sigma = 1.0

        def set_timesteps(self, num_inference_steps=None, device=None, sigmas=None, mu=None, timesteps=None, **_):
            kind = torch.long if time.sigma is None else torch.float32
            self.timesteps = torch.tensor([time.timestep], device=device, dtype=kind)
            self.num_inference_steps = 1
            if time.sigma is not None:
                self.sigmas = torch.tensor([time.sigma, 0.0], device=device)

        def scale_model_input(self, sample, *_, **__):
            return sample

        def step(self, output, *given, **_):
            latents = next(value for value in reversed(given) if torch.is_tensor(value) and value.dim() > 1)
            return NextLatents(*(on_step(LoopStep(output, latents)),) * 2)

    Listening.__name__ = base.__name__  # pipelines look at it
    return Listening


@contextmanager
def _scheduler(pipeline: DiffusionPipeline, time: Time, on_step: Callable[[LoopStep], Tensor]) -> Iterator[None]:
    own = pipeline.scheduler
    pipeline.scheduler = _listening(type(own), time, on_step).from_config(own.config)
    try:
        yield
    finally:
        pipeline.scheduler = own


@dataclass(frozen=True)
class RecordedCall:
    """The arguments of one call of a denoiser."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def values(self) -> dict[Path, Any]:
        """Return every value inside, by the way to it."""
        return dict(_walk((self.args, dict(self.kwargs))))

    def with_values(self, changed: Mapping[Path, Any]) -> "RecordedCall":
        """Return the same call with other values at some places."""
        args, kwargs = _put((self.args, dict(self.kwargs)), (), changed)
        return RecordedCall(args, kwargs)

    def cast(self, dtype: torch.dtype, to: torch.dtype) -> "RecordedCall":
        """Return the same call with its tensors of `dtype` in another."""
        tensors = {path: value for path, value in self.values().items() if torch.is_tensor(value)}
        return self.with_values({path: value.to(to) for path, value in tensors.items() if value.dtype == dtype})


def _walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, (list, tuple)):
        yield path, value
        for place, each in enumerate(value):
            yield from _walk(each, (*path, place))
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _walk(each, (*path, name))
    else:
        yield path, value


def _put(value: Any, path: Path, changed: Mapping[Path, Any]) -> Any:
    if path in changed:
        return changed[path]
    if isinstance(value, dict):
        return {name: _put(each, (*path, name), changed) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_put(each, (*path, place), changed) for place, each in enumerate(value))
    return value


@contextmanager
def encoding_once(pipeline: DiffusionPipeline) -> Iterator[None]:
    """Within it, the pipeline encodes equal texts once: large text encoders take longer than all the rest."""
    own = getattr(pipeline, "encode_prompt", None)
    if own is None:
        yield
        return
    known: dict[str, Any] = {}

    def encode(*args: Any, **kwargs: Any) -> Any:
        if any(torch.is_tensor(value) for value in (*args, *kwargs.values())):
            return own(*args, **kwargs)
        key = repr((args, sorted(kwargs.items())))
        if key not in known:
            known[key] = own(*args, **kwargs)
        return copy.deepcopy(known[key])

    pipeline.encode_prompt = encode
    try:
        yield
    finally:
        del pipeline.encode_prompt


class Recorder:
    """Asks one pipeline for its own calls. `options` go with every call: size, and what switches guidance off."""

    def __init__(self, pipeline: DiffusionPipeline, denoiser: nn.Module, options: Mapping[str, Any]):
        self.pipeline, self.denoiser, self.options = pipeline, denoiser, dict(options)

    def _run(self, texts: list[str], seed: int, **more: Any) -> Any:
        if self.denoiser.device.type != "cpu":
            self.pipeline.maybe_free_model_hooks()  # an offloaded denoiser makes room for the encoders
        generator = [torch.Generator().manual_seed(seed) for _ in texts]
        options = {"output_type": "latent"} | self.options | more
        return self.pipeline(prompt=texts, num_inference_steps=1, generator=generator, **options)

    def call(self, texts: list[str], time: Time, seed: int = 0) -> RecordedCall:
        """Return the arguments of the denoiser's first call at `time`.

        Nothing is computed but the texts' encodings.
        """
        found: list[RecordedCall] = []

        def stop(_: nn.Module, args: tuple, kwargs: dict) -> None:
            found.append(RecordedCall(args, kwargs))
            raise _Stop

        hook = self.denoiser.register_forward_pre_hook(stop, with_kwargs=True)
        try:
            with _scheduler(self.pipeline, time, lambda step: step.latents):
                self._run(texts, seed)
        except _Stop:
            pass
        finally:
            hook.remove()
        return found[0]

    def step(self, texts: list[str], time: Time, seed: int = 0) -> tuple[list[RecordedCall], list[Any], LoopStep]:
        """Do one whole step at `time`.

        Returns every call of the denoiser, what each returned, and what the scheduler was given.
        """
        calls: list[RecordedCall] = []
        outputs: list[Any] = []
        steps: list[LoopStep] = []

        def heard(_: nn.Module, args: tuple, kwargs: dict, output: Any) -> None:
            calls.append(RecordedCall(args, kwargs))
            outputs.append(output)

        def stop(step: LoopStep) -> Tensor:
            steps.append(step)
            raise _Stop

        hook = self.denoiser.register_forward_hook(heard, with_kwargs=True)
        try:
            with _scheduler(self.pipeline, time, stop):
                self._run(texts, seed)
        except _Stop:
            pass
        finally:
            hook.remove()
        return calls, outputs, steps[0]

    def decoded(self, latents: Tensor, time: Time) -> Tensor:
        """Return what the autoencoder is given to decode where the loop ends with `latents` (S, ...)."""
        found: list[Tensor] = []
        own = self.pipeline.vae.decode

        def stop(value: Tensor, *_: Any, **__: Any) -> None:
            found.append(value)
            raise _Stop

        self.pipeline.vae.decode = stop
        try:
            with _scheduler(self.pipeline, time, lambda step: latents.to(step.latents)):
                self._run(["a"] * len(latents), 0, output_type="np")
        except _Stop:
            pass
        finally:
            self.pipeline.vae.decode = own
        return found[0]


def device_of(pipeline: DiffusionPipeline) -> torch.device:
    """Return where the parts of `pipeline` compute."""
    return torch.device(pipeline._execution_device)


def changed(one: RecordedCall, other: RecordedCall) -> list[Path]:
    """Return the ways to tensors that differ between two calls of one form."""
    there = other.values()
    return [
        path
        for path, value in one.values().items()
        if torch.is_tensor(value) and not (value.shape == there[path].shape and torch.equal(value, there[path]))
    ]


def final_latents(pipeline: DiffusionPipeline, **asked: Any) -> Tensor:
    """Return the latents (S, ...) that the loop of a whole call of `pipeline` ends with."""
    own: Any = pipeline.scheduler
    heard: Any = type(own).from_config(own.config)  # of the same class: pipelines look at it
    advance = heard.step
    last: list[Tensor] = []

    @wraps(advance)
    def step(*args: Any, **kwargs: Any) -> Any:
        result = advance(*args, **kwargs)
        last[:] = [result[0] if isinstance(result, tuple) else result.prev_sample]
        return result

    heard.step = step
    pipeline.scheduler = heard
    try:
        pipeline(output_type="latent", **asked)
    finally:
        pipeline.scheduler = own
    return last[0]
