"""Keys whose bits pass a channel that is not the same for 0 and 1: the entropy, the message, and what is refused."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.bell.channel import passed
from sdpbound.checker.kinds import check
from sdpbound.errors import InvalidInput
from sdpbound.experiments.protocol import read_protocol
from sdpbound.finite_size.scores import information
from tests.finite_size.test_renyi_powers import no_strategy_is_above
from tests.support import h

CHANNEL = sb.BinaryChannel(0.03, 0.01)
P = sb.Behaviour.from_correlators([[0.75, 0.66, 0.94], [0.66, -0.6, 0.0]])
DATA = sb.Observations.correlators(sb.Behaviour.from_correlators([[0.75, 0.66], [0.66, -0.6]]))


def test_what_is_sent() -> None:
    """The message is about Alice's bit behind the channel; of a symmetric one nothing is new."""
    joint = np.array([[0.485, 0.015], [0.015, 0.485]])
    pairs = information(joint, CHANNEL)
    found = sum(p * math.log2(q / p) for p, q in pairs)
    zero = 0.97 * 0.97 + 0.03 * 0.01  # P(A' = 0 | B = 0)
    assert found == pytest.approx((h(zero) + h(0.03 * 0.97 + 0.97 * 0.01)) / 2, abs=1e-12)
    assert information(joint, sb.BinaryChannel(0.02, 0.02)) == information(joint, 0.02)


def test_a_trusted_functional_and_a_file(tmp_path: Any) -> None:
    """Without certificates: the channel's message is charged, and only untested rounds count."""
    by_flips, by_channel = (
        sb.finite_key_length(P, 1e8, 0, 1, entropies=line(), preprocessing=q, test_probability=0.01)
        for q in (0.02, sb.BinaryChannel(0.02, 0.02))
    )
    assert by_flips.length == by_channel.length and by_channel.figure.entry()["preprocessing"] == 0.02
    one = sb.finite_key_length(P, 1e8, 0, 1, entropies=line(), preprocessing=CHANNEL, test_probability=0.01)
    assert one.figure.entry()["preprocessing"] == [0.03, 0.01]
    file = tmp_path / "p.toml"
    file.write_text(
        'kind = "key"\nrounds = 1000\ncorrelators = [[0.7, 0.7], [0.7, -0.7]]\nmethod = "accumulation"\n'
        "preprocessing = [0.1, 0.8, 0.1]\n"
    )
    with pytest.raises(InvalidInput, match="preprocessing"):
        read_protocol(file)


def line() -> list[sb.BellExpression]:
    table = np.zeros((2, 2, 2, 3))
    for a, b, x, y in np.ndindex(2, 2, 2, 2):
        table[a, b, x, y] = 0.3 * (-1) ** (a + b + x * y)
    return [sb.BellExpression.from_probabilities(table, P.scenario) - 0.3]


def test_no_program_knows_channels() -> None:
    for changes in ({"kind": "petz down"}, {"method": "gauss-radau"}, {"method": "min-entropy"}, {"nodes": 4}):
        with pytest.raises(InvalidInput, match="programs know flips of both values alike"):
            sb.renyi_entropy(DATA, alpha=1.1, preprocessing=CHANNEL, **changes)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("channel", [CHANNEL, sb.BinaryChannel(0.0, 0.1), sb.BinaryChannel(0.1, 0.3)])
@pytest.mark.parametrize("kind", ["sandwiched up", "sandwiched down"])
def test_entropies_lie_below_attacks_and_von_neumann(channel: sb.BinaryChannel, kind: str) -> None:
    below = sb.renyi_entropy(DATA, alpha=1.05, kind=kind, preprocessing=channel)
    above = sb.renyi_entropy_upper_bound(DATA, alpha=1.05, kind=kind, preprocessing=channel)
    assert below.value <= above.value <= below.value + 6e-4 and above.attack.exact
    assert below.value < sb.conditional_entropy(DATA, preprocessing=channel).value
    data = copy.deepcopy(below.certificate.data)
    figure = data["question"]["figure"]
    assert check(data).holds and figure["preprocessing"] == [channel.p0, channel.p1]
    for other in ([0.0, 0.0], 0.0, [channel.p0 * 0.9, channel.p1 * 0.9]):
        figure["preprocessing"] = other  # less noise, less entropy
        with pytest.raises(sb.CertificateError):
            check(data)
    for wrong in ([0.1], [0.1, 1.1], [-0.1, 0.1], ["a", 0.1], [0.1, 0.1, 0.1]):
        figure["preprocessing"] = wrong
        with pytest.raises(sb.CertificateError, match="preprocessing"):
            check(data)
    figure["preprocessing"] = [channel.p0, channel.p1]
    figure["y"] = 0
    with pytest.raises(sb.CertificateError, match="preprocessing"):
        check(data)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["renyi", "accumulation"])
def test_lengths(method: Any) -> None:
    more: dict[str, Any] = {"method": method}
    if method == "accumulation":
        seen = sb.Observations.correlators(P)
        more["entropies"] = [sb.conditional_entropy(seen, 0, preprocessing=CHANNEL)]
    key = sb.finite_key_length(P, 1e7, 0, 2, preprocessing=CHANNEL, test_probability=0.03, **more)
    assert isinstance(key, sb.FiniteLength)
    checked = key.certificate.verify()
    assert 1e6 < key.length <= checked.value <= key.length + 1e-11 * 1e7
    plain = np.stack(passed(CHANNEL, P.joint(0, 2)))
    sent = sum(p * math.log2(plain[:, b].sum() / p) for (_, b), p in np.ndenumerate(plain))
    assert 0.97e7 * sent < -key.terms["error correction"] < 0.97e7 * sent + 0.03e7 + 2e4
    if method == "renyi":
        no_strategy_is_above(key, CHANNEL, False)
    data = key.certificate.data

    def refused(message: str, value: Any) -> None:
        forged = copy.deepcopy(data)
        forged["question"]["figure"]["preprocessing"] = value
        with pytest.raises(sb.CertificateError, match=message):
            sb.verify(forged)

    for value in ([0.01, 0.03], 0.0, 0.02, [0.03, 0.0]):
        refused("about another", value)
    for value in ([0.03], [0.03, 1.5], "channel", None):
        refused("preprocessing", value)
