"""Pairs against their control words, on values that are known."""

import numpy as np
import pandas as pd
import pytest

from store import tables
from store.errors import InputError
from store.tables.samples import KEYS, SETTINGS


def samples(**redundancy: dict[tuple[str, str, str], list[float]]) -> pd.DataFrame:
    """Rows of two words in images of *a cup*: (group, first, second) -> redundancy seed by seed."""
    about = dict(zip(SETTINGS, ("m", "1", 1.0, "s", "pid", "aligned", "image"), strict=True))
    rows = [
        {**about, "prompt": "a cup", "first": first, "second": second, "subject": "cup", "attribute": group}
        | {"seed": seed, "redundancy": value, "information_first": 4.0, "information_second": 1.0}
        for (group, first, second), values in redundancy["rows"].items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows)[[*KEYS, "redundancy", "information_first", "information_second"]]


PAIR, CONTROL = ("synonym", "cup", "mug"), ("control", "horse", "cup")


def test_a_pair_stands_beside_its_control_seed_by_seed():
    table = tables.against_control(samples(rows={PAIR: [1.8, 2.0, 2.2], CONTROL: [0.8, 1.0, 1.2]}))
    (row,) = table.to_dict("records")
    assert [row[name] for name in ("group", "first", "second", "control")] == ["synonym", "cup", "mug", "horse"]
    assert (row["mean"], row["control_mean"], row["difference_mean"]) == pytest.approx((2.0, 1.0, 1.0))
    assert row["low"] < 2.0 < row["high"] and row["control_low"] < 1.0 < row["control_high"]
    assert (row["difference_low"], row["difference_high"]) == pytest.approx((1.0, 1.0))  # the same at every seed
    assert row["seeds"] == 3 and table.attrs["units"]["difference_low"] == "nats"


def test_the_index_of_alignment_has_no_unit():
    table = tables.against_control(samples(rows={PAIR: [2.0, 1.0], CONTROL: [0.0, -1.0]}), "alignment")
    assert table.loc[0, "mean"] == pytest.approx(0.75)  # r / sqrt(4 x 1)
    assert table.loc[0, "control_mean"] == pytest.approx(-0.25)
    assert set(table.attrs["units"].values()) == {""}


def test_what_is_missing_stays_open():
    table = tables.against_control(samples(rows={PAIR: [2.0, np.nan, 4.0]}))
    row = table.iloc[0]
    assert (row["control"], row["mean"], row["seeds"]) == ("", 3.0, 2)
    assert np.isnan([row["control_mean"], row["difference_mean"], row["difference_low"]]).all()
    with pytest.raises(InputError, match="quantity 'beauty': not known"):
        tables.against_control(samples(rows={PAIR: [1.0]}), "beauty")
