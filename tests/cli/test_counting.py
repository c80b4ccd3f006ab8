"""The command that certifies counts for a protocol of a file."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sdpbound as sb
from tests.experiments.samples import LOCAL, rounds

N = 100_000
PROTOCOL = f"""
kind = "randomness"
rounds = {N}
correlators = [[0.70, 0.70], [0.70, -0.70]]
observed = "chsh"
test_probability = 0.5
soundness = 1e-3
"""


KEY = f"""
kind = "key"
rounds = {N}
correlators = [[0.68, 0.68, 0.98], [0.68, -0.68, 0.0]]
y = 2
efficiency = 1.15
test_probability = 0.15
method = "renyi"
soundness = 1e-8
"""


def written(folder, behaviour: sb.Behaviour, seed: int):
    file = folder / f"rounds{seed}.csv"
    columns = rounds(behaviour, N, 0.5, np.random.default_rng(seed))
    np.savetxt(file, np.stack(columns, axis=1), "%d", ",", header="x,y,a,b,test", comments="")
    return file


def test_certify(call, answer, refused, tmp_path) -> None:
    file = tmp_path / "protocol.toml"
    file.write_text(PROTOCOL)
    good = written(tmp_path, sb.Behaviour.from_correlators(0.7 * np.array([[1, 1], [1, -1]])), 1)
    bits = tmp_path / "bits.txt"
    found = answer("certify", str(good), "--protocol", str(file), "--bits", str(bits))
    assert found["accepted"] and found["length"] > 1000 and found["side"] == "lower" and found["kind"] == "randomness"
    assert len(bits.read_text()) == found["length"] and set(bits.read_text()) == {"0", "1"}
    assert found["local_p_value"] < 1e-9 and found["no_signaling_p_value"] > 1e-4 < found["inputs_p_value"]
    text = call("certify", str(good), "--protocol", str(file)).out
    assert f"randomness of {found['length']} bits or more   (lower bound; soundness 0.001" in text and "assumed" in text
    refused(["certify", str(good), "--protocol", str(file), "--bits", str(bits)], "give a new file name")
    refused(["certify", str(tmp_path / "no.csv"), "--protocol", str(file)], "cannot be read")

    bad, never = written(tmp_path, LOCAL, 2), tmp_path / "never.txt"
    done = call("certify", str(bad), "--protocol", str(file), "--bits", str(never))
    assert done.status == 1 and "nothing is certified: the mean score" in done.out and not never.exists()
    done = call("certify", str(bad), "--protocol", str(file), "--json")
    assert done.status == 1 and json.loads(done.out)["length"] == 0
    file.write_text(PROTOCOL + f'training = "{found["fingerprint"]}"\n')
    refused(["certify", str(good), "--protocol", str(file)], "made from these counts")


@pytest.mark.slow
def test_a_key_is_written_after_error_correction(call, answer, tmp_path) -> None:
    file, bits = tmp_path / "key.toml", tmp_path / "key.txt"
    file.write_text(KEY)
    length, rng = sb.read_protocol(file).length, np.random.default_rng(1)
    tests = rng.random(N) < 0.15
    pairs = rng.choice(6, N, p=length.test_distribution.ravel())
    x, y, a = np.where(tests, pairs // 3, 0), np.where(tests, pairs % 3, 2), rng.integers(0, 2, N)
    b = a ^ (rng.random(N) >= (1.0 + length.behaviour.correlators[x, y]) / 2.0)
    run = tmp_path / "rounds.csv"
    np.savetxt(run, np.stack([x, y, a, b, tests], axis=1), "%d", ",", header="x,y,a,b,test", comments="")
    promised = answer("certify", str(run), "--protocol", str(file))
    found = answer("certify", str(run), "--protocol", str(file), "--bits", str(bits))
    assert len(bits.read_text()) == found["length"] > 20_000 and promised["most_sent"] > 0
    assert abs(found["length"] + found["sent"] - promised["length"] - promised["most_sent"]) < 100
    np.savetxt(run, np.stack([x, y, a, 1 - b, tests], axis=1), "%d", ",", header="x,y,a,b,test", comments="")
    done = call("certify", str(run), "--protocol", str(file), "--bits", str(tmp_path / "never.txt"))
    assert done.status == 1 and not (tmp_path / "never.txt").exists()
