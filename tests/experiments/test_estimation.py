"""Probability estimation: limits in closed form, runs, refusals, and certificates that both checkers judge alike."""

from __future__ import annotations

import copy
import math
from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog

import sdpbound as sb
from sdpbound.checker.estimation import extreme_points
from sdpbound.errors import CertificateError, InvalidInput, InvalidParameter, InvalidShape
from sdpbound.recheck import recheck
from tests.experiments.samples import HONEST, LOCAL, drawn

N = 100_000
ROOT = math.sqrt(2.0)


def entropy(*chances: float) -> float:
    return -sum(p * math.log2(p) for p in chances if p > 0.0)


def test_the_limit_is_the_least_entropy_of_all_mixtures() -> None:
    """From below lengths of 1e15 rounds, from above an attack: the mixture of extreme points of least entropy, which
    Eve knows, by a linear program; at CHSH data both are a closed form."""
    share = ROOT - 1.0
    edge = 0.75 * entropy(share / 2, 1 - share / 2) + 0.25 * entropy(share / 2, share / 2, 1 - share)
    closed = {"no-signaling": 0.32, "tsirelson": 0.64 / (2.0 * share) * edge}
    lossy = sb.Behaviour.from_correlators([[0.72, 0.7], [0.68, -0.5]], [0.1, 0.05], [0.12, 0.04])
    for devices in ("no-signaling", "tsirelson"):
        points = []
        for point in extreme_points(devices):
            table = np.zeros((2, 2, 2, 2))
            for place, value in point.items():
                table[place] = float(value)
            points.append(table)
        costs = [np.mean([entropy(*p[:, :, x, y].ravel()) for x, y in product((0, 1), repeat=2)]) for p in points]
        assert len(points) == (24 if devices == "no-signaling" else 80)
        for honest in (HONEST, lossy):
            mixture = linprog(costs, A_eq=np.array([p.ravel() for p in points]).T, b_eq=honest.p.ravel())
            rate = sb.estimated_length(honest, 10**15, devices=devices).length / 1e15
            assert mixture.fun - 2e-5 < rate <= mixture.fun + 1e-9
            if honest is HONEST:
                assert mixture.fun == pytest.approx(closed[devices], abs=1e-9)


def test_extreme_points_are_those_of_the_inequalities() -> None:
    """Of a random direction the maximum over the points is that of a linear program over the inequalities."""
    rng = np.random.default_rng(1)
    rows = sb.Scenario.bipartite(2, 2).probability_rows()
    signs = [s * (1.0 - 2.0 * np.eye(4)[i].reshape(2, 2)) for s in (1.0, -1.0) for i in range(4)]
    chsh = np.array([sb.BellExpression.from_correlators(c).coefficients.ravel() for c in signs])
    for devices in ("no-signaling", "tsirelson"):
        tables = [{place: float(v) for place, v in p.items()} for p in extreme_points(devices)]
        places = [
            (a, b, x, y) for a, x in ((0, 0), (1, 0), (0, 1), (1, 1)) for b, y in ((0, 0), (1, 0), (0, 1), (1, 1))
        ]
        for _ in range(3):
            c = rng.normal(size=16)
            best = max(sum(c[i] * t.get(place, 0.0) for i, place in enumerate(places)) for t in tables)
            upper, limits = [-rows[:, 1:]], [rows[:, 0]]
            if devices == "tsirelson":
                upper.append(chsh[:, 1:])
                limits.append(2.0 * ROOT - chsh[:, 0])
            found = linprog(-(c @ rows[:, 1:]), np.vstack(upper), np.concatenate(limits), bounds=(None, None))
            assert best == pytest.approx(c @ rows[:, 0] - found.fun, abs=1e-8)


def test_runs_pass_as_often_as_promised_and_end_in_bits() -> None:
    length = sb.estimated_length(HONEST, N)
    fixed, rng = sb.FixedProtocol(length), np.random.default_rng(3)
    assert sum(bool(length.accepts(drawn(HONEST, N, rng))) for _ in range(100)) >= 96
    assert not any(length.accepts(drawn(LOCAL, N, rng)) for _ in range(20))
    x, y, a = (rng.integers(0, 2, N) for _ in range(3))
    b = a ^ (rng.random(N) >= (1.0 + HONEST.correlators[x, y]) / 2.0)
    run = sb.Counts.from_rounds(x, y, a, b)
    output = sb.extract(run, fixed)
    assert output.bits.size == math.floor(length.length) > 50_000
    quantum = sb.finite_randomness_length(HONEST, N, method="renyi")
    assert length.length > quantum.length  # another adversary, and all outcomes of all rounds
    training, rest = run.split(N // 2)
    made = sb.estimated_length(training.behaviour(), N // 2)
    found = sb.certify(rest, sb.FixedProtocol(made, training))
    assert found or "below the threshold" in found.reason
    with pytest.raises(InvalidInput, match="made from these counts or from a part of them"):
        sb.certify(run, sb.FixedProtocol(made, training))
    with pytest.raises(InvalidInput, match="estimate from these very counts"):
        sb.certify(rest, sb.FixedProtocol(sb.estimated_length(rest.behaviour(), N // 2)))
    with pytest.raises(InvalidInput, match="of randomness"):
        sb.distil_key(run, fixed)


def test_protocol_files(tmp_path) -> None:
    file = tmp_path / "protocol.toml"
    text = f'kind = "randomness"\nrounds = {N}\ncorrelators = [[0.66, 0.66], [0.66, -0.66]]\nmethod = "estimation"\n'
    file.write_text(text + 'devices = "no-signaling"\n')
    assert sb.read_protocol(file).length.length == sb.estimated_length(HONEST, N, devices="no-signaling").length
    for wrong, words in (
        ("test_probability = 0.1", "no entry test_probability"),
        ('devices = "quantum"', "devices"),
        ("x = 1", "no entry x"),
    ):
        file.write_text(text + wrong)
        with pytest.raises(InvalidInput, match=words):
            sb.read_protocol(file)
    file.write_text(text.replace("randomness", "key"))
    with pytest.raises(InvalidInput, match="kind = 'randomness'"):
        sb.read_protocol(file)


def test_arguments() -> None:
    with pytest.raises(InvalidShape, match="two settings with two outcomes"):
        sb.estimated_length(sb.Behaviour.from_correlators([[0.6, 0.6, 0.9], [0.6, -0.6, 0.0]]), N)
    for rounds in (0, 1.5, True, 1e19, math.nan):
        with pytest.raises(InvalidParameter, match="whole number of rounds"):
            sb.estimated_length(HONEST, rounds)
    with pytest.raises(InvalidParameter, match="devices = 'local'"):
        sb.estimated_length(HONEST, N, devices="local")
    with pytest.raises(InvalidParameter, match="positive probabilities"):
        sb.estimated_length(HONEST, N, [[0.5, 0.5], [0.0, 0.0]])


@pytest.mark.parametrize("devices", ["no-signaling", "tsirelson"])
def test_both_checkers_accept_it_and_refuse_what_claims_more(devices) -> None:
    skewed = [[0.4, 0.3], [0.2, 0.1]]
    data = sb.estimated_length(HONEST, N, skewed, devices=devices).certificate.data
    value = data["claim"]["value"]
    first, second = sb.verify(data), recheck(data)
    assert first.holds and second.holds and value > 10_000
    assert value <= float(second.proven) <= value + 1e-6 and value <= first.value <= value + 1e-6

    def put(*path):
        *way, last, number = path
        changed = copy.deepcopy(data)
        place = changed
        for name in way:
            place = place[name]
        place[last] = number
        return changed

    estimation = data["proof"]["estimation"]
    scores = np.array(estimation["scores"])
    forged = [
        put("claim", "value", value + 1.0),
        put("claim", "threshold", data["claim"]["threshold"] - 1e-4),
        put("question", "figure", "soundness", 1e-11),
        put("question", "figure", "rounds", N - 10),
        put("question", "figure", "rounds", True),
        put("question", "figure", "devices", "local"),
        put("question", "figure", "soundness", 0.0),
        put("question", "side", "upper"),
        put("question", "scenario", "outcomes", [[2, 2], [2, 3]]),
        put("proof", "estimation", "beta", 0.0),
        put("proof", "estimation", "beta", 1.5),
        put("proof", "estimation", "beta", estimation["beta"] / 2),
        put("proof", "estimation", "distribution", [[1.0, 0.0], [0.0, 0.0]]),
        put("proof", "estimation", "distribution", [[0.1, 0.2], [0.3, 0.4]]),
        put("proof", "estimation", "scores", (scores + 1e-3).tolist()),
        put("proof", "estimation", "scores", (scores * 1.01).tolist()),
    ]
    for place in product(range(2), repeat=4):  # every score matters
        higher = scores.copy()
        higher[place] += 1.0
        forged.append(put("proof", "estimation", "scores", higher.tolist()))
    if devices == "tsirelson":
        forged.append(put("question", "figure", "devices", "no-signaling"))
    for changed in forged:
        with pytest.raises(CertificateError):
            sb.verify(changed)
        assert not recheck(changed).holds
    assert not recheck(put("claim", "value", 2.0 * N + 1.0)).holds
