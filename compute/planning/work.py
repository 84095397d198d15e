"""What of a request a store lacks, in work items: one image, and the pairs that lack noises about it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from compute.estimation.noise_levels import FORMER, SCHEME, NoiseLevels
from store.identity import Identity, digest_of_levels
from store.jobs import Budget, Request
from store.pid.information import REPLICATES
from store.prompts.conditions import Conditions
from store.records import PairResult, Probe, RunKey, RunRecord, TokenPair

Identities = Mapping[TokenPair | Probe, Identity]
STEPS = 30  # in which an image is drawn


@dataclass(frozen=True, kw_only=True)
class WorkItem:
    """The smallest amount of work: one image of a `request`, and the pairs that are owed noises about it.

    All its pairs have `done` noises so far. `known` is what the store has of each pair about this image; it is empty
    where `done` is 0. `latent`, float16 (c, h, w), is the stored one, None where the image is still to be made. Noises
    are drawn by `focus`, the shares of information in each band of log SNR, evenly where it is empty. The item takes
    `evaluations` of the denoiser at most.
    """

    request: Request
    seed: int
    done: int
    identities: Identities
    known: Mapping[TokenPair | Probe, PairResult]
    latent: np.ndarray | None
    focus: tuple[float, ...]
    evaluations: int

    @property
    def key(self) -> RunKey:
        """The key of its image."""
        return next(iter(self.identities.values())).run

    @property
    def pairs(self) -> tuple[TokenPair | Probe, ...]:
        """The pairs that are owed noises."""
        return tuple(self.identities)


def identities(key: RunKey, conditions: Conditions, levels: NoiseLevels) -> Identities:
    """Return the identity of the work on each pair of `conditions`, without seed and noises."""
    digest = digest_of_levels(levels.log_snr.tolist())
    return {
        pair: Identity(
            run=key,
            tokens=conditions.tokens(pair),
            spans=(pair.first, pair.second) if isinstance(pair, TokenPair) else (),
            seed=0,
            steps=STEPS,
            log_snr=digest,
            noises=0,
            scheme=SCHEME,
        )
        for pair, _ in conditions.rows
    }


def owed(
    stored: RunRecord | None,
    request: Request,
    wanted: Identities,
    conditions: Conditions,
    focus: tuple[float, ...] = (),
) -> Iterator[WorkItem]:
    """Yield what `stored` lacks of `request`: for each image the pairs short of noises, equally short ones together."""
    results = {result.pair: result for result in stored.pairs} if stored else {}
    latents, budget = stored.known_latents if stored else {}, request.budget
    for seed in request.images:
        there = {pair: _known(results.get(pair), identity, seed, budget) for pair, identity in wanted.items()}
        short = [pair for pair, known in there.items() if known is None or not satisfied(known, budget)]
        for done in sorted({_noises(there[pair]) for pair in short}):
            alike = [pair for pair in short if _noises(there[pair]) == done]
            yield WorkItem(
                request=request,
                seed=seed,
                done=done,
                identities={pair: wanted[pair] for pair in alike},
                known={pair: result for pair in alike if (result := there[pair])},
                latent=latents.get(seed),
                focus=focus,
                evaluations=conditions.count(alike) * (budget.noises - done),
            )


def satisfied(known: PairResult, budget: Budget) -> bool:
    """Return whether the one image of `known` got the noises asked for, or the precision."""
    if known.noises[0] >= budget.noises:
        return True
    if budget.target is None:
        return False
    both = [known.decomposition(mode)["both"] for mode in known.information]
    return all(one.total_se[0] <= budget.target * one.total[0] for one in both)


def _known(stored: PairResult | None, identity: Identity, seed: int, budget: Budget) -> PairResult | None:
    """What the store has of this very work about one image, if it is enough or more noises can be added to it.

    Noises of a FORMER scheme count as well. Files written before run keys are taken at their word; to what is
    condensed nothing can be added.
    """
    if stored is None or seed not in stored.seeds:
        return None
    known = stored.of_seeds([seed])
    work = identity.of(seed, known.noises[0])
    same = known.keys_by_image[0] in {"", *(replace(work, scheme=scheme).key for scheme in (SCHEME, *FORMER))}
    extensible = all(maps.maps.count == REPLICATES for maps in known.information.values())
    return known if same and (extensible or (known.condensed and satisfied(known, budget))) else None


def _noises(known: PairResult | None) -> int:
    return known.noises[0] if known else 0
