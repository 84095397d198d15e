"""A job that a worker has taken: its work items one by one, and how far it is."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from distributed import Future

from compute.cluster.tasks import Source
from compute.estimation.noise_levels import NoiseLevels
from compute.planning.plan import plan
from compute.planning.work import WorkItem
from store import hdf5
from store.errors import InputError
from store.jobs import Failure, Job, Picture, Progress, Request
from store.prompts.model_cards import ModelCard


@dataclass
class InFlight:
    """A work item that a process measures at the moment; `evaluations` of it are done."""

    item: WorkItem
    future: Future
    evaluations: int = 0

    @property
    def share(self) -> float:
        """How much of it is done, in [0, 1]."""
        return min(1.0, self.evaluations / self.item.evaluations)


@dataclass(kw_only=True)
class RunningJob:
    """`job` in the hands of a worker, and what of it is `in_flight`, by ticket.

    Prompts are planned one after the other, when their turn comes: what other jobs have measured by then is not
    measured again, and a long study does not keep others waiting. `images` counts all its images, `fresh` and
    `evaluations` what was measured now. While it is `open`, work items may still come.
    """

    job: Job
    source: Source
    requests: list[Request]
    images: int
    done: int = 0
    failed: int = 0
    fresh: int = 0
    evaluations: int = 0
    open: bool = True
    in_flight: dict[str, InFlight] = field(default_factory=dict)
    coming: Iterator[WorkItem | None] | None = None  # once it is known how the model reads
    failures: list[Failure] = field(default_factory=list)  # not yet written down
    told: bool = False  # whether the queue knows when it began
    began: str = ""  # when the first evaluation was made, in UTC, ISO 8601

    @classmethod
    def of(cls, job: Job, picture: bytes | None, root: Path, cache: Path, device: str | None) -> "RunningJob":
        """Begin `job`; raises InputError or StoreError for whatever can be known without the model."""
        spec = job.wanted
        if spec.picture and picture is None:
            raise InputError(f"picture {spec.picture}", "it is not in the queue any more", "submit it again")
        requests = spec.requests(root, None if picture is None else Picture(spec.picture, picture))
        hdf5.check_writable(root)
        source = Source(model=spec.model, revision=spec.revision, dtype=spec.dtype, device=device, cache=cache)
        return cls(job=job, source=source, requests=requests, images=sum(len(each.images) for each in requests))

    @property
    def progress(self) -> Progress:
        """How far it is, with what is in flight."""
        flying = self.in_flight.values()
        return Progress(
            units=self.images,
            done=self.done,
            failed=self.failed,
            fresh=self.fresh,
            partial=sum(each.share for each in flying),
            evaluations=self.evaluations + sum(each.evaluations for each in flying),
        )

    @property
    def reason(self) -> str:
        """Why it has failed when it is over; empty if it has not."""
        return f"{self.failed} of {self.images} images could not be measured" if self.failed else ""

    def items(self, card: ModelCard, root: Path) -> Iterator[WorkItem | None]:
        """Yield what is to be measured, and None after each prompt, so that other jobs get a turn.

        Prompts that cannot be measured are added to `failures`.

        Raises
        ------
        StoreError: the store cannot be read or written.
        """
        levels = NoiseLevels.of(torch.tensor(card.log_snr, dtype=torch.float64))
        for request in self.requests:
            try:
                planned = plan(card, levels, request, root)
            except InputError as error:
                self.failed += len(request.images)
                self.failures.append(Failure(request.prompt, None, str(error)))
                yield None
                continue
            if planned.relabelled:
                hdf5.publish(root, planned.relabelled)
            self.done += len(request.images) - planned.cost.images
            self.images += len(planned.items) - planned.cost.images  # pairs with unlike numbers of noises go apart
            yield from planned.items
            yield None
        self.open = False
