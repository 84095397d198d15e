"""A job that is being worked on: its units one by one, and how far it is."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from distributed import Future

from compute.cluster.tasks import Source
from compute.estimation.noise_levels import NoiseLevels
from compute.planning.plan import plan
from compute.planning.request import Request, requests
from compute.planning.work import Unit
from store import hdf5
from store.errors import InputError
from store.jobs import Failure, Job, Picture, Progress
from store.prompts.model_cards import ModelCard


@dataclass(frozen=True)
class Step:
    """A unit that is to be measured, and what for."""

    unit: Unit
    request: Request


@dataclass
class Flight:
    """A step that is being measured, under a ticket of its own; `evaluations` are done."""

    step: Step
    future: Future
    evaluations: int = 0

    @property
    def share(self) -> float:
        return min(1.0, self.evaluations / self.step.unit.evaluations)


@dataclass
class Running:
    """`job` in the hands of a worker, and its `flights`, by ticket.

    Prompts are planned one after the other, when their turn comes: what other jobs have measured by then is not
    measured again, and a long study does not keep others waiting. `units` counts images, `fresh` and `evaluations`
    what was measured now; while it is `open`, units may still come.
    """

    job: Job
    source: Source
    asked: list[Request]
    units: int
    done: int = 0
    failed: int = 0
    fresh: int = 0
    evaluations: int = 0
    open: bool = True
    flights: dict[str, Flight] = field(default_factory=dict)
    coming: Iterator[Step | Failure | None] | None = None  # once it is known how the model reads

    @classmethod
    def of(cls, job: Job, picture: bytes | None, root: Path, cache: Path, device: str | None) -> "Running":
        """Begin `job`; raises InputError or StoreError for whatever can be known without the model."""
        wanted = job.wanted
        asked = requests(wanted, root, cache, None if picture is None else Picture(wanted.picture, picture))
        for request in asked:
            request.check(root)
        source = Source(wanted.model, wanted.revision, wanted.dtype, device)
        return cls(job, source, asked, sum(len(request.images) for request in asked))

    @property
    def progress(self) -> Progress:
        """How far it is, with what is in flight."""
        flights = self.flights.values()
        evaluations = self.evaluations + sum(flight.evaluations for flight in flights)
        partial = sum(flight.share for flight in flights)
        return Progress(self.units, self.done, self.failed, self.fresh, partial, evaluations)

    @property
    def reason(self) -> str:
        """Why it has failed when it is over; empty if it has not."""
        return f"{self.failed} of {self.units} images could not be measured" if self.failed else ""

    def steps(self, card: ModelCard, root: Path) -> Iterator[Step | Failure | None]:
        """What is to be measured, and prompts that cannot be; None after each prompt, so that others get a turn.

        Raises
        ------
        StoreError: the store cannot be read or written.
        """
        levels = NoiseLevels.of(torch.tensor(card.log_snr, dtype=torch.float64))
        for request in self.asked:
            try:
                found = plan(card, levels, request, root)
            except InputError as error:
                self.failed += len(request.images)
                yield Failure(request.prompt, None, str(error))
                continue
            if found.shown:
                hdf5.publish(root, found.shown)
            self.done += len(request.images) - found.cost.images
            self.units += len(found.units) - found.cost.images  # pairs with unlike numbers of noises go apart
            yield from (Step(unit, request) for unit in found.units)
            yield None
        self.open = False
