"""Data-parallel training on CPU: one process a core, gradients averaged over gloo; on a CUDA device one process.

Two processes of one thread beat one process of two threads on a busy machine.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

CHECKPOINT_EVERY = 180.0  # seconds


def device() -> torch.device:
    """Where training computes."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def launch(worker: Callable, *arguments) -> None:
    """Run `worker(*arguments)` in two joined processes of one thread each, or in one beside a CUDA device."""
    processes = 1 if device().type == "cuda" else 2
    with tempfile.TemporaryDirectory() as folder:
        arguments = (processes, f"file://{folder}/rendezvous", worker, arguments)
        torch.multiprocessing.spawn(_start, arguments, nprocs=processes)


def _start(rank: int, processes: int, rendezvous: str, worker: Callable, arguments: tuple) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=processes)
    worker(*arguments)
    dist.barrier()
    dist.destroy_process_group()


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace every gradient by its mean over the processes."""
    if dist.get_world_size() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


class Clock:
    """Steps through a time budget, the same on every process, saved at intervals and resumed.

    `state` maps names to objects with `state_dict` and `load_state_dict`; the elapsed seconds
    and steps are kept beside them.
    """

    def __init__(self, minutes: float, checkpoint: Path, state: dict):
        self.seconds, self.checkpoint, self.state = 60 * minutes, checkpoint, state
        self.elapsed, self.step = 0.0, 0
        if checkpoint.exists():
            saved = torch.load(checkpoint, map_location=device(), weights_only=True)
            self.elapsed, self.step = saved["elapsed"], saved["step"]
            for name, thing in state.items():
                thing.load_state_dict(saved[name])

    def __iter__(self) -> Iterator[float]:
        """Yield the share of the budget that is used, in [0, 1), until it is spent."""
        last, before, parent = time.monotonic(), self.elapsed, os.getppid()
        while os.getppid() == parent:  # a killed launcher takes its processes with it
            now = time.monotonic()
            self.elapsed += now - last
            last = now
            share = torch.tensor([self.elapsed / self.seconds], dtype=torch.float64)
            dist.broadcast(share, 0)
            if share.item() >= 1.0:
                self.save()
                return
            yield share.item()
            self.step += 1
            if self.elapsed - before > CHECKPOINT_EVERY:
                before = self.elapsed
                self.save()
        raise SystemExit(1)

    def save(self) -> None:
        """Write the checkpoint aside and rename it into place (first process only)."""
        if dist.get_rank() != 0:
            return
        saved = {name: thing.state_dict() for name, thing in self.state.items()}
        aside = self.checkpoint.with_suffix(".part")
        torch.save({**saved, "elapsed": self.elapsed, "step": self.step}, aside)
        aside.replace(self.checkpoint)
