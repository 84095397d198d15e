"""Measures and decomposition held against `dit`, another implementation by other people, and against closed forms."""

from itertools import product

import dit
import numpy as np
import pytest

from compute.checks.analytic import GATES, PATCH, SPREAD
from compute.checks.verify import TRUTH
from compute.estimation.noise_levels import HIGHEST, LOWEST
from pages.figures.quantities import QUANTITIES
from store import hdf5
from store.__main__ import main
from store.catalogue import Catalogue
from store.errors import InputError
from store.pid import measures
from store.pid.decomposition import PARTS, decompose
from store.pid.information import NATS_PER_BIT, Replicates
from store.pid.measures import Measure
from store.pid.measures.aligned import alignment
from store.pid.totals import TotalKey
from store.records import Label
from tests import synthetic

DISCRETE = [name for name in GATES if not name.endswith("-same")]  # what is overlaid differs for the image alone
LATTICE = (((0,), (1,)), ((0,),), ((1,),), ((0, 1),))


def distribution(gate):
    """The gate as a dit distribution over (first word, second word, image)."""
    return dit.Distribution({(a, b, str(bits)): p for (a, b, bits), p in gate.distribution().items()})


def replicates(first, second, both, between=0.0):
    """Exact values in bits as two equal replicates of one pixel, one image for each value."""
    values = {"first": first, "second": second, "both": both, "between": between}
    values |= {f"standard_{name}": values[name] for name in ("first", "second", "both")}
    shape = np.broadcast_shapes(*(np.shape(value) for value in values.values()))
    grown = {name: np.broadcast_to(value, shape).reshape(-1, 1, 1, 1) for name, value in values.items()}
    return Replicates({name: np.repeat(value * NATS_PER_BIT, 2, axis=1) for name, value in grown.items()})


def average(given):
    """Mutual information of the words with the image."""
    return replicates(*(dit.shannon.mutual_information(given, words, [2]) for words in ([0], [1], [0, 1])))


def pointwise(gate):
    """Log density ratios and surprisals of each outcome, and its probability; all in bits."""
    joint = gate.distribution()

    def p(**fixed):
        return sum(
            q for (a, b, x), q in joint.items() if all({"a": a, "b": b, "x": x}[k] == v for k, v in fixed.items())
        )

    rows = []
    for (a, b, x), q in joint.items():
        rows.append(
            [np.log2(p(x=x, **known) / p(x=x) / p(**known)) for known in ({"a": a}, {"b": b}, {"a": a, "b": b})]
        )
        rows[-1] += [-np.log2(p(a=a)), -np.log2(p(b=b)), q]
    return np.array(rows).T


@pytest.mark.parametrize("name", DISCRETE)
def test_minimum_mutual_information_is_that_of_dit(name):
    given = distribution(GATES[name])
    lattice, found = dit.pid.PID_MMI(given, [[0], [1]], [2]), decompose(average(given), "mmi")
    np.testing.assert_allclose(
        [found[part].total[0] / NATS_PER_BIT for part in PARTS], [lattice[node] for node in LATTICE], atol=1e-6
    )


@pytest.mark.parametrize("seed", range(12))
def test_random_distributions_agree_with_dit(seed):
    p = np.random.default_rng(seed).dirichlet(np.ones(12))
    given = dit.Distribution(dict(zip(list(product("01", "01", "012")), p, strict=True)))
    lattice, found = dit.pid.PID_MMI(given, [[0], [1]], [2]), decompose(average(given), "mmi")
    np.testing.assert_allclose(
        [found[part].total[0] / NATS_PER_BIT for part in PARTS], [lattice[node] for node in LATTICE], atol=1e-6
    )


@pytest.mark.parametrize("name", ["RDN", "UNQ", "XOR", "AND", "COR"])
def test_common_change_in_surprisal_is_that_of_dit(name):
    first, second, both, _, _, p = pointwise(GATES[name])
    found = decompose(replicates(first, second, both), "ccs", "standard")["redundancy"].total / NATS_PER_BIT
    lattice = dit.pid.PID_CCS(distribution(GATES[name]), [[0], [1]], [2])
    assert p @ found == pytest.approx(lattice[LATTICE[0]], abs=1e-6)


@pytest.mark.parametrize("name", ["RDN", "UNQ", "AND", "COR"])
def test_pointwise_measure_is_that_of_dit(name):
    first, second, both, h1, h2, p = pointwise(GATES[name])
    found = [
        decompose(replicates(*row[:3]), "pm", "standard", (row[3] * NATS_PER_BIT, row[4] * NATS_PER_BIT))
        for row in zip(first, second, both, h1, h2, strict=True)
    ]
    total = p @ [one["redundancy"].total[0] / NATS_PER_BIT for one in found]
    assert total == pytest.approx(dit.pid.PID_PM(distribution(GATES[name]), [[0], [1]], [2])[LATTICE[0]], abs=1e-6)


def test_the_pointwise_measure_heeds_which_word_is_rarer():
    given = replicates(1.0, 2.0, 2.5)
    rarer_second = decompose(given, "pm", "orthogonal", (0.0, 1.5 * NATS_PER_BIT))["redundancy"].total[0]
    rarer_first = decompose(given, "pm", "orthogonal", (1.5 * NATS_PER_BIT, 0.0))["redundancy"].total[0]
    assert rarer_second == pytest.approx(1.0 * NATS_PER_BIT)
    assert rarer_first == pytest.approx(2.0 * NATS_PER_BIT)


@pytest.mark.parametrize("name", DISCRETE)
def test_the_truth_that_verify_uses_is_that_of_dit(name):
    given, truth = distribution(GATES[name]), TRUTH[name]
    assert dit.pid.PID_MMI(given, [[0], [1]], [2])[LATTICE[0]] == pytest.approx(truth.mmi, abs=1e-6)
    assert dit.shannon.mutual_information(given, [0, 1], [2]) == pytest.approx(truth.both)
    if truth.ccs is not None:
        assert dit.pid.PID_CCS(given, [[0], [1]], [2])[LATTICE[0]] == pytest.approx(truth.ccs, abs=1e-6)


def test_aligned_is_symmetric_and_whole_for_one_word_twice():
    one, other = (decompose(replicates(*values, 0.9, 0.4), "aligned") for values in ((0.3, 0.5), (0.5, 0.3)))
    assert one["redundancy"].total == pytest.approx(other["redundancy"].total)
    assert decompose(replicates(0.7, 0.7, 0.7, 0.0), "aligned")["redundancy"].total / NATS_PER_BIT == pytest.approx(0.7)


def test_the_truth_of_and_under_the_aligned_measure_follows_from_quadrature():
    """Its image is one sign along one direction: the posterior mean of that sign, under each text, by Gauss-Hermite."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(101)
    log_snr = np.linspace(LOWEST, HIGHEST, 2001)
    alpha = 1 / (1 + np.exp(-log_snr))[:, None]
    variance = alpha * SPREAD**2 + 1 - alpha

    def sign(seen, prior):
        """Expected sign, `prior` the probability of +1, where `seen` was observed of it."""
        if prior in (0, 1):
            return np.full_like(seen, 2 * prior - 1)
        return np.tanh(np.sqrt(alpha) * PATCH * seen / variance + np.log(prior / (1 - prior)) / 2)

    def integral(product):
        scale = PATCH**2 * alpha * (1 - alpha) / variance**2
        return np.trapezoid(0.5 * (scale * product) @ (weights / weights.sum()), log_snr) / NATS_PER_BIT / 4

    found = np.zeros(3)
    for a, b in product((0, 1), repeat=2):
        seen = np.sqrt(alpha) * PATCH * (2 * (a & b) - 1) + np.sqrt(variance) * nodes
        first, second, both = (sign(seen, prior) - sign(seen, 0.25) for prior in (a / 2, b / 2, a & b))
        found += [integral(first**2), integral(both**2), integral(first * second)]
    np.testing.assert_allclose(found, [TRUTH["AND"].mmi, TRUTH["AND"].both, TRUTH["AND"].aligned], atol=2e-4)


def test_alignment_lies_between_opposite_and_equal():
    maps = {"first": np.array([4.0, 4.0, 1.0, 0.0]), "second": np.array([1.0, 1.0, 1.0, 3.0])}
    between = np.array([1.0, 9.0, 2.0, 3.0])  # (2 - 1)^2, (2 + 1)^2, at a right angle, nothing to compare
    np.testing.assert_allclose(alignment(maps | {"between": between}), [1, -1, 0, 0])


def test_levels_are_ordered_and_the_aligned_one_is_the_same_at_each():
    random = np.random.default_rng(0)
    maps = {name: random.gamma(1.0, size=(3, 8, 4, 4)) for name in ("first", "second", "both", "between")}
    given = Replicates(maps)
    pixel, image = (decompose(given.at(level), "mmi")["redundancy"].total for level in ("pixel", "image"))
    assert (pixel <= image).all()
    pixel, image, prompt = (
        decompose(given.at(level), "aligned")["redundancy"].total for level in ("pixel", "image", "prompt")
    )
    np.testing.assert_allclose(pixel, image)
    np.testing.assert_allclose(pixel.mean(), prompt)


@pytest.mark.parametrize("measure", measures.MEASURES)
def test_parts_add_up_under_every_measure(measure):
    random = np.random.default_rng(1)
    maps = {name: random.gamma(1.0, size=(2, 8, 3, 3)) for name in ("first", "second", "both", "between")}
    assert decompose(Replicates(maps), measure, surprisals=(1.0, 2.0)).consistent


@pytest.mark.parametrize("measure", ["mmi", "aligned"])
def test_what_is_invalid_on_standard_maps_is_refused(measure):
    with pytest.raises(InputError, match="--estimator orthogonal"):
        measures.find(measure, "standard")


def test_the_pointwise_measure_is_not_offered_without_surprisals():
    assert "pm" not in measures.offered(None)
    assert "pm" in measures.offered((1.0, 2.0))
    with pytest.raises(InputError, match="--surprisals"):
        measures.find("pm")


def test_an_unknown_measure_is_named_with_the_choice():
    with pytest.raises(InputError, match=", ".join(measures.MEASURES)):
        measures.find("imin")


@pytest.fixture
def halved(monkeypatch):
    """A made-up measure, as somebody would add it: a formula and what is to be said of it."""
    added = Measure(
        name="halved",
        title="half of what both say",
        redundancy=lambda maps: maps["both"] / 2,
        source="nobody",
        brief="half of what both words say together",
        sentence="Half of what '{0}' and '{1}' say about a pixel.",
        explanation="Half of it.",
        definition="$R = I_{12} / 2$.",
    )
    monkeypatch.setitem(measures.MEASURES, added.name, added)
    return added.name


def test_a_new_measure_is_one_entry(halved, tmp_path, capsys):
    record = synthetic.record(labels=(Label("jobs", "female", "doctor"),), **synthetic.SMALL)
    (result,), expected = record.pairs, record.pairs[0].information["pid"].maps.maps["both"].mean(1) / 2
    np.testing.assert_allclose(result.decomposition("pid", halved)["redundancy"].map, expected, rtol=1e-5)
    assert TotalKey("synergy", halved, "orthogonal", None, "prompt") in result.totals("pid").together
    assert halved in measures.offered(None)
    hdf5.publish(tmp_path, record)
    assert set(Catalogue(tmp_path).samples()["level"][lambda levels: levels != ""]) == {"pixel", "image", "prompt"}
    assert halved in set(Catalogue(tmp_path).samples()["measure"])
    assert main(["show", "a female doctor", "--measure", halved, "--store", str(tmp_path)]) == 0
    assert f"measure {halved} on orthogonal maps" in capsys.readouterr().out
    quantity = QUANTITIES["redundancy"]
    assert quantity.explain(("female", "doctor"), halved) == "Half of what 'female' and 'doctor' say about a pixel."
    assert quantity.signed(halved)


@pytest.mark.parametrize("name", measures.MEASURES)
def test_the_signs_that_a_measure_states_are_those_of_its_values(name):
    measure = measures.MEASURES[name]
    random = np.random.default_rng(3)
    maps = {each: random.gamma(0.5, size=(500, 8, 1, 1)) for each in ("first", "second", "both", "between")}
    maps |= {f"standard_{each}": random.normal(size=(500, 8, 1, 1)) for each in ("first", "second", "both")}
    for estimator in measure.estimators:
        found = decompose(Replicates(maps), name, estimator, (1.0, 2.0))
        below = {part: bool((found[part].map < -1e-6).any()) for part in PARTS}
        assert below == {part: measure.can_be_negative(part, estimator) for part in PARTS}
