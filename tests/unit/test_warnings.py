"""The warnings that travel with a result, each from a record that deserves it."""

from dataclasses import replace

import numpy as np
import pytest

from store import warnings
from tests import synthetic


def said(record, **changes):
    """The warnings in context of the record's pair, its maps changed."""
    (result,) = record.pairs
    maps = result.information["cpid"]
    changed = {name: change(getattr(maps, name).copy()) for name, change in changes.items()}
    result = replace(result, information={**result.information, "cpid": replace(maps, **changed)})
    return warnings.warnings(record.key, result)["cpid"]


def raised(band, share):
    """A curve of which `share` lies in one band."""

    def change(curve):
        curve[np.isnan(curve)] = 0
        rest = curve.sum(1) - curve[:, band]
        curve[:, band] = rest * share / (1 - share)
        return curve

    return change


def test_a_sound_result_has_none():
    assert said(synthetic.record()) == []


@pytest.mark.parametrize(("band", "text"), [(-1, "20% of the information lies at the cleanest"), (0, "20% of the")])
def test_information_at_the_ends_of_the_noise_levels_is_named(band, text):
    (sentence,) = said(synthetic.record(), curve=raised(band, 0.2))
    assert sentence.startswith(text)
    assert said(synthetic.record(), curve=raised(band, 0.03)) == []


def test_a_large_tail_below_the_levels_is_named():
    (sentence,) = said(synthetic.record(), tail=lambda tail: tail * 20)
    assert "about 20% more below" in sentence


def test_estimators_that_disagree_somewhere_are_named_there():
    def apart(gap):
        gap[:, 4, 0] = -40
        gap[:, 4, 1] = 1
        return gap

    (sentence,) = said(synthetic.record(), gap=apart)
    assert "near log SNR -4.5" in sentence
    assert said(synthetic.record(guidance=3.0), gap=apart) == []  # such images need not agree on average


def test_evaluations_made_again_are_reported():
    record = synthetic.record()
    record = replace(record, pairs=(replace(record.pairs[0], retried=7),))
    assert said(record) == ["7 evaluations were not finite and were made again in float32."]


def further(record, name, share):
    """The record with `share` of I12 more in the totals of one map, in both modes."""
    (result,) = record.pairs
    information = {}
    for mode, maps in result.information.items():
        both = maps.maps.maps["both"]
        changed = {**maps.maps.maps, name: maps.maps.maps[name] + np.float32(share) * both}
        information[mode] = replace(maps, maps=replace(maps.maps, maps=changed))
    return replace(record, pairs=(replace(result, information=information),))


@pytest.mark.parametrize("condensed", [False, True])
def test_parts_that_do_not_close_are_named_in_the_order_that_misses_by_more(condensed):
    record = further(further(synthetic.record(), "conditional_second", 0.5), "conditional_first", -0.7)
    if condensed:
        record = replace(record, pairs=(record.pairs[0].condense(),))
    (sentence,) = said(record)
    both = record.pairs[0].information["cpid"].maps.maps["both"].mean(1).sum((1, 2)).mean()
    assert f"'doctor' and then 'female' bring {0.3 * both:.2f} nats, both together {both:.2f}" in sentence


@pytest.mark.parametrize(
    "record",
    [
        further(synthetic.record(), "conditional_second", 0.1),
        further(synthetic.record(guidance=3.0), "conditional_second", 0.5),
        further(synthetic.record(seeds=(0,)), "conditional_second", 0.5),
        synthetic.record(infinite=True),
    ],
    ids=["by little", "of guided images", "of one image", "with infinite values"],
)
def test_closure_is_judged_only_where_it_can_be(record):
    assert not any("close" in sentence for sentence in said(record))


def test_a_probe_need_not_close():
    record = further(synthetic.record(probe=True), "conditional_second", 0.5)
    assert warnings.warnings(record.key, record.pairs[0])["pid"] == []
