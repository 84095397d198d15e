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
