"""Bias tables, intervals, tests and correlations as pandas frames: arithmetic on the totals of single images.

`samples` has one row per label, image, measure and level, with the columns KEYS (a label is study, attribute and
subject, as *gender*, *female*, *doctor*) and one column for each quantity, in nats. No function changes it. What a
frame is about stands in its `attrs`; values that are not finite are left out and counted.

Intervals are bootstrap percentiles over seeds, moved outwards for their small number (the expanded percentiles of
Hesterberg 2015, "What Teachers Should Know About the Bootstrap"). The random numbers depend on nothing but the seeds in
a cell, so a table comes out the same each time, and cells with the same seeds are resampled together. How often the
intervals cover, and what the test misses, was measured: docs/decisions.md.
"""

from store.tables.report import of_study
from store.tables.samples import AVERAGE, KEYS, QUANTITIES, SETTINGS, select
from store.tables.statistics import Interval, PairedTest, correlation, paired_test
from store.tables.studies import RankStability, bias, effects, pairs, rank_stability, sensitivity, totals

__all__ = [
    "AVERAGE",
    "KEYS",
    "QUANTITIES",
    "SETTINGS",
    "Interval",
    "PairedTest",
    "RankStability",
    "bias",
    "correlation",
    "effects",
    "paired_test",
    "of_study",
    "pairs",
    "rank_stability",
    "select",
    "sensitivity",
    "totals",
]
