"""What a table finds: directions under other measures, the planted truth, and sentences that say it."""

from store.tables.findings.direction import directions, with_directions
from store.tables.findings.truth import recovery, with_planted

__all__ = ["directions", "recovery", "with_directions", "with_planted"]
