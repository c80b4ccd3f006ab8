"""The command line for von Neumann entropies, attacks, noise and thresholds."""

from __future__ import annotations

import json

import pytest

import sdpbound as sb

ANGLES = ["--theta", "1", "--phi", "1.5", "--omega", "2.6"]
T = sb.SingletSelfTest(1.0, 1.5, 2.6)
QUBIT = ["--method", "qubit", "--tolerance", "1e-3"]


def test_entropy_from_both_sides(answer, call, tmp_path):
    file = tmp_path / "c.json"
    found = answer("entropy", *ANGLES, "--visibility", "0.98", *QUBIT, "--certificate", str(file))
    data = sb.Observations.correlators(T.behaviour(0.98))
    same = sb.conditional_entropy(data, 0, None, sb.VonNeumann("qubit", tolerance=1e-3))
    assert found["lower"]["value"] == same.value and found["lower"]["side"] == "lower"
    assert found["upper"]["side"] == "upper" and found["upper"]["exact"]
    assert 0.0 <= found["gap"] == found["upper"]["value"] - found["lower"]["value"] < 1e-3
    assert json.loads(file.read_text())["question"]["figure"]["kind"] == "conditional_entropy"
    text = call("entropy", *ANGLES, "--visibility", "0.98", "--y", "1", *QUBIT).out
    assert "H(AB|x=0,y=1,E) >= " in text and "H(AB|x=0,y=1,E) <= " in text and "explicit attack" in text


def test_rates_with_noise_and_attack(answer, call):
    noise = ["--visibility", "0.995", "--efficiency", "0.99", "--dephasing", "0.002", "--axis", "x"]
    options = [*noise, "--x", "0", "--y", "0", "--entropy", "von-neumann", *QUBIT]
    found = answer("rate", "key", *ANGLES, *options, "--preprocessing", "0.02", "--attack")
    own = sb.WhiteNoise(0.995) + sb.Dephasing(0.002, axis="x") + sb.DetectionInefficiency(0.99)
    how = sb.VonNeumann("qubit", tolerance=1e-3)
    rate = sb.key_rate(T.behaviour(noise=own), x=0, y=0, entropy=how, preprocessing=0.02)
    assert found["rate"] == rate.value and found["preprocessing"] == 0.02
    assert found["noise"] == "dephasing(0.002,0.002,x)+detection(0.99,0.99,binned)"
    assert found["side"] == "lower" and found["attack"]["side"] == "upper"
    assert 0.0 <= found["attack"]["rate"] - found["rate"] < 1e-3
    text = call("rate", "randomness", *ANGLES, *options, "--attack").out
    assert "randomness rate >= " in text and "randomness rate <= " in text


def test_best_preprocessing(answer):
    options = ["--visibility", "0.93", "--x", "0", "--y", "0", "--entropy", "von-neumann", *QUBIT]
    plain = answer("rate", "key", *ANGLES, *options)
    best = answer("rate", "key", *ANGLES, *options, "--preprocessing", "best")
    assert best["rate"] > plain["rate"] and 0.0 < best["preprocessing"] < 0.5


@pytest.mark.parametrize("name", ["visibility", "efficiency"])
def test_thresholds(answer, call, name):
    found = answer("threshold", name, *ANGLES, *QUBIT, "--resolution", "1e-2")
    assert 0.8 < found["alive"] < 0.98 and found["alive_rate"]["rate"] > 0.0
    if found["dead"] is not None:
        assert found["dead"] < found["alive"] and found["dead_rate"]["rate"] <= 0.0
    text = call("threshold", name, *ANGLES, *QUBIT, "--resolution", "1e-2").out
    assert f"a key is proven at {name} " in text and "key rate >= " in text


def test_finite_lengths(answer, call, tmp_path):
    file = tmp_path / "c.json"
    own = [*ANGLES, "--visibility", "0.99", *QUBIT]
    found = answer("finite", *own, "--rounds", "1e6", "--rounds", "1e9", "--certificate", str(file))
    short, long = found["lengths"]
    assert (short["rounds"], long["rounds"], short["side"]) == (1e6, 1e9, "lower")
    assert short["rate"] < long["rate"] < long["asymptotic_rate"]
    assert call("verify", str(file)).status == 0
    assert "bits or more from 1000000 rounds" in call("finite", *own, "--rounds", "1e6").out


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["rate", "key", *ANGLES, "--entropy", "shannon"], ["--entropy", "shannon", "von-neumann"]),
        (
            ["rate", "key", *ANGLES, "--entropy", "min", "--method", "qubit"],
            ["--method qubit", "--entropy von-neumann"],
        ),
        (["rate", "key", *ANGLES, "--entropy", "von-neumann", "--model", "local"], ["--model local", "--entropy min"]),
        (["rate", "key", *ANGLES, "--entropy", "min", "--preprocessing", "0.1"], ["preprocessing = 0.1", "VonNeumann"]),
        (["rate", "key", *ANGLES, "--entropy", "von-neumann", "--preprocessing", "0.6"], ["0.6", "0 to 1/2"]),
        (["entropy", *ANGLES, "--method", "guess"], ["method = 'guess'", "projective"]),
        (["entropy", *ANGLES, "--tolerance", "0"], ["tolerance = 0", "1e-7"]),
        (["entropy", *ANGLES, "--x", "2"], ["x = 2", "0 to 1"]),
        (["entropy", *ANGLES, "--efficiency", "95"], ["95", "between 0 and 1"]),
        (["entropy", *ANGLES, "--dephasing", "0.7"], ["0.7", "0 to 1/2"]),
        (["entropy", *ANGLES, "--axis", "w"], ["--axis", "'w'"]),
        (["rate", "randomness", *ANGLES, "--blind", "--y", "0", "--attack"], ["--attack", "--blind"]),
        (["threshold", "visibility", *ANGLES, "--resolution", "2"], ["2", "tolerance"]),
        (["finite", *ANGLES], ["--rounds"]),
        (["finite", *ANGLES, "--rounds", "0"], ["0", "rounds"]),
        (["finite", *ANGLES, "--rounds", "1e6", "--soundness", "2"], ["soundness = 2"]),
        (["threshold", "noise", *ANGLES], ["'noise'", "efficiency"]),
    ],
)
def test_bad_input(call, arguments, words):
    done = call(*arguments)
    assert done.status == 2 and done.out == ""
    assert done.err.startswith("sdpbound: ") and done.err.count("\n") == 1
    for word in words:
        assert word in done.err, done.err


@pytest.mark.parametrize("arguments", [["entropy", "--help"], ["threshold"], ["threshold", "visibility", "-h"]])
def test_help(call, arguments):
    done = call(*arguments)
    assert done.status == 0 and "Usage: sdpbound" in done.out and done.err == ""


GHZ = ["--family", "ghz", "--at", "of=parity_chsh,key=true", "--visibility", "0.95", "--observed", "bell"]
LEVEL = ["--level", "1+AB+AC+BC"]


def test_keys_of_any_parties(answer, call):
    """A setting for each party, in the commands as in the library."""
    member = sb.family_named("ghz", of="parity_chsh", key=True).member()
    behaviour = member.behaviour(0.95)
    data = sb.Observations.bell_value(member.expression, behaviour)
    guess = answer("guess", *GHZ, *LEVEL, "--settings", "0,-,0")
    own = sb.guessing_probability(data, sb.Quantum("1+AB+AC+BC"), settings=(0, None, 0))
    assert guess["guessing_probability"]["value"] == pytest.approx(own.value, abs=1e-6)
    assert guess["settings"] == {"x": 0, "y": None, "z": 0}
    found = answer("rate", "key", *GHZ, *LEVEL, "--entropy", "min", "--settings", "0,2,1")
    assert found["settings"] == {"x": 0, "y": 2, "z": 1} and found["security"].startswith("conference key")
    assert "at x=0, y=2, z=1" in call("rate", "key", *GHZ, *LEVEL, "--entropy", "min", "--settings", "0,2,1").out
    for arguments, said in (
        (["guess", *GHZ, "--settings", "0,1"], "one entry for each of the 3 parties"),
        (["guess", *GHZ, "--settings", "0,-,0", "--y", "0"], "leave --x and --y out"),
        (["guess", *GHZ, "--settings", "0,b,0"], "must be an integer"),
        (["guess", *GHZ, "--settings", "0,0,0", "--blind"], "not --settings"),
        (["rate", "key", *GHZ, "--settings", "0,-,-"], "those of one party"),
    ):
        shown = call(*arguments)
        assert shown.status == 2 and said in shown.err


def test_merged_outcomes(answer, call):
    """Commands take a key that is a function of outcomes, and say what it is."""
    devices = ["--family", "cglmp", "--at", "d=3", "--visibility", "0.98", "--observed", "full"]
    data = sb.Observations.full(sb.family_named("cglmp").member(d=3).behaviour(0.98))
    found = answer("guess", *devices, "--model", "no-signaling", "--merge", "001")
    same = sb.guessing_probability(data, sb.NoSignaling(), merge=(0, 0, 1))
    assert found["guessing_probability"]["value"] == pytest.approx(same.value, abs=1e-9)
    assert found["settings"] == {"x": 0, "y": None, "merge": [0, 0, 1]}
    assert "P_guess(f(A)=001|x=0,E)" in call("guess", *devices, "--model", "no-signaling", "--merge", "0,0,1").out
    rate = answer("rate", "key", *devices, "--x", "0", "--y", "0", "--model", "no-signaling", "--merge", "001")
    assert rate["settings"]["merge"] == [0, 0, 1] and rate["rate"] < 1.0
    wrong = call("guess", *devices, "--model", "no-signaling", "--merge", "0x1")
    assert wrong.status and "merge = 'x' must be an integer" in wrong.err
