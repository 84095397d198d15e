"""What of a request is still to be done, in units: one image, and the pairs that lack noises about it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from compute import generate
from compute.conditions import Conditions
from compute.evaluate import Budget
from compute.noise import REPLICATES, SCHEME, NoiseLevels
from store.identity import Identity, digest_of_levels
from store.records import PairResult, Probe, RunKey, RunRecord, TokenPair

Identities = Mapping[TokenPair | Probe, Identity]


@dataclass(frozen=True)
class Unit:
    """One image and the pairs that are owed noises about it, all of which have `done` so far.

    `known` is what the store has of each pair about this image; nothing where `done` is 0.
    """

    seed: int
    done: int
    identities: Identities
    known: Mapping[TokenPair | Probe, PairResult]

    @property
    def pairs(self) -> tuple[TokenPair | Probe, ...]:
        """The pairs that are owed noises."""
        return tuple(self.identities)


def identities(key: RunKey, conditions: Conditions, levels: NoiseLevels) -> Identities:
    """The identity of the work on each pair, but for seed and noises."""
    digest = digest_of_levels(levels.log_snr.tolist())
    return {
        pair: Identity(
            run=key,
            tokens=conditions.tokens(pair),
            spans=(pair.first, pair.second) if isinstance(pair, TokenPair) else (),
            seed=0,
            steps=generate.STEPS,
            log_snr=digest,
            noises=0,
            scheme=SCHEME,
        )
        for pair, _ in conditions.rows
    }


def owed(stored: RunRecord | None, wanted: Identities, seeds: Sequence[int], budget: Budget) -> Iterator[Unit]:
    """What `stored` lacks: for each image the pairs short of noises, those with equally many together."""
    results = {result.pair: result for result in stored.pairs} if stored else {}
    for seed in seeds:
        there = {pair: _known(results.get(pair), identity, seed) for pair, identity in wanted.items()}
        short = [pair for pair, known in there.items() if known is None or not satisfied(known, budget)]
        for done in sorted({_noises(there[pair]) for pair in short}):
            alike = [pair for pair in short if _noises(there[pair]) == done]
            known = {pair: result for pair in alike if (result := there[pair])}
            yield Unit(seed, done, {pair: wanted[pair] for pair in alike}, known)


def satisfied(known: PairResult, budget: Budget) -> bool:
    """Whether the one image of `known` got the noises asked for, or the precision."""
    if known.noises[0] >= budget.noises:
        return True
    if budget.target is None:
        return False
    both = [maps.maps.estimate(itemgetter("both")) for maps in known.information.values()]
    return all(one.total_se[0] <= budget.target * one.total[0] for one in both)


def _known(stored: PairResult | None, identity: Identity, seed: int) -> PairResult | None:
    """What the store has of this very work about one image, if more noises can be added to it.

    Files written before run keys are taken at their word.
    """
    if stored is None or seed not in stored.seeds:
        return None
    known = stored.of_seeds([seed])
    same = known.keys_by_image[0] in ("", identity.of(seed, known.noises[0]).key)
    return known if same and all(maps.maps.count == REPLICATES for maps in known.information.values()) else None


def _noises(known: PairResult | None) -> int:
    return known.noises[0] if known else 0
