"""The decomposition held against `dit`, another implementation by other people."""

import dit
import numpy as np
import pytest

from compute.analytic import GATES
from compute.information import Replicated
from compute.noise import BANDS, REPLICATES
from compute.pid import MEASURES, check_measure, decompose
from compute.verify import TRUTH
from store.errors import InputError
from store.records import NATS_PER_BIT


def distribution(gate):
    """The gate as a dit distribution over (first word, second word, image)."""
    return dit.Distribution({(a, b, str(bits)): p for (a, b, bits), p in gate.distribution().items()})


def decomposed(given):
    """Our decomposition of the exact mutual informations of `given`, in bits."""
    information = {
        "first": dit.shannon.mutual_information(given, [0], [2]),
        "second": dit.shannon.mutual_information(given, [1], [2]),
        "both": dit.shannon.mutual_information(given, [0, 1], [2]),
    }
    maps = {name: np.full((1, REPLICATES, 1, 1), value * NATS_PER_BIT) for name, value in information.items()}
    zero = dict.fromkeys(
        ["between", "conditional_first", "conditional_second", "standard_first", "standard_second", "standard_both"],
        np.zeros((1, REPLICATES, 1, 1)),
    )
    result = decompose(Replicated(maps | zero, np.zeros((1, BANDS, 3)), np.zeros(BANDS)))
    names = ("redundancy", "unique_first", "unique_second", "synergy")
    return [getattr(result, name).total[0] / NATS_PER_BIT for name in names]


def by_dit(given):
    """PID under minimum mutual information, as dit computes it, in bits."""
    lattice = dit.pid.PID_MMI(given, [[0], [1]], [2])
    return [lattice[node] for node in (((0,), (1,)), ((0,),), ((1,),), ((0, 1),))]


@pytest.mark.parametrize("name", GATES)
def test_gates_agree_with_dit(name):
    np.testing.assert_allclose(decomposed(distribution(GATES[name])), by_dit(distribution(GATES[name])), atol=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_random_distributions_agree_with_dit(seed):
    p = np.random.default_rng(seed).dirichlet(np.ones(12))
    outcomes = [(a, b, x) for a in "01" for b in "01" for x in "012"]
    given = dit.Distribution(dict(zip(outcomes, p, strict=True)))
    np.testing.assert_allclose(decomposed(given), by_dit(given), atol=1e-6)


@pytest.mark.parametrize("name", GATES)
def test_the_truth_that_verify_uses_is_that_of_dit(name):
    given = distribution(GATES[name])
    population, _, mutual = TRUTH[name]
    assert by_dit(given)[0] == pytest.approx(population, abs=1e-6)
    assert dit.shannon.mutual_information(given, [0, 1], [2]) == pytest.approx(mutual)


def test_the_minimum_of_standard_maps_is_refused():
    with pytest.raises(InputError, match="--estimator orthogonal"):
        check_measure("mmi", "standard")


def test_an_unknown_measure_is_named_with_the_choice():
    with pytest.raises(InputError, match=", ".join(MEASURES)):
        check_measure("imin", "orthogonal")
