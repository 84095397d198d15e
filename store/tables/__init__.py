"""Tables of studies as pandas frames, with intervals, tests and correlations (docs/tables.md).

They are arithmetic on the totals of single images; only `interventions` reads the files' images and maps.
`samples` has one row per label, image, measure and level, with the columns KEYS (a label is study, attribute and
subject, as *gender*, *female*, *doctor*) and one column for each quantity, in nats. No function changes it. What a
frame is about stands in its `attrs`; values that are not finite are left out and counted.

Intervals are bootstrap percentiles over seeds, moved outwards for their small number (the expanded percentiles of
Hesterberg 2015, "What Teachers Should Know About the Bootstrap"). The random numbers depend on nothing but the seeds in
a cell, so a table comes out the same each time, and cells with the same seeds are resampled together. How often the
intervals cover, and what the test misses, was measured: docs/decisions/statistics.md.
"""

from store.tables.bias import bias, with_published
from store.tables.correlations import effects
from store.tables.entries import model_notes, totals, with_notes
from store.tables.guidance import by_guidance
from store.tables.intervention import CHANGES, PREDICTORS, interventions, within
from store.tables.kinds import of_study
from store.tables.neutral import neutral_probe
from store.tables.pairs import against_control, pairs, parts
from store.tables.robustness import RankStability, by_setting, rank_stability, sensitivity
from store.tables.samples import (
    AVERAGE,
    KEYS,
    OF_ALIGNMENT,
    QUANTITIES,
    SETTINGS,
    guidance_of,
    leave_out,
    samples_of,
    select,
)
from store.tables.senses import resemblance, senses
from store.tables.statistics import Interval, PairedTest, correlation, paired_test

__all__ = [
    "AVERAGE",
    "CHANGES",
    "KEYS",
    "OF_ALIGNMENT",
    "PREDICTORS",
    "QUANTITIES",
    "SETTINGS",
    "Interval",
    "PairedTest",
    "RankStability",
    "against_control",
    "bias",
    "by_guidance",
    "by_setting",
    "correlation",
    "effects",
    "guidance_of",
    "interventions",
    "leave_out",
    "model_notes",
    "neutral_probe",
    "of_study",
    "paired_test",
    "pairs",
    "parts",
    "rank_stability",
    "samples_of",
    "resemblance",
    "select",
    "senses",
    "sensitivity",
    "totals",
    "with_published",
    "with_notes",
    "within",
]
