"""Protocols that are fixed before, what is certified of counts, and the bits that come out."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape
from sdpbound.protocols.running import hashing
from tests.experiments.samples import HONEST, LOCAL, drawn, protocol, rounds

N = 400_000
TOML = """
kind = "randomness"
rounds = 400_000
correlators = [[0.66, 0.66], [0.66, -0.66]]
observed = "chsh"
"""


@pytest.fixture(scope="module")
def run() -> sb.Counts:
    x, y, a, b, tests = rounds(HONEST, N, protocol(N).length.test_probability, np.random.default_rng(1))
    return sb.Counts.from_rounds(x, y, a, b, tests)


def test_an_honest_run_passes_and_is_extracted(run) -> None:
    fixed = protocol(N)
    accepted = fixed.length.accepts(run)
    assert accepted and accepted.tests == run.tested and accepted.mean_score >= accepted.threshold
    scores = np.where(run.table > 0, fixed.length.scores, 0.0)
    mean = (run.table * scores).sum() + fixed.length.untested * run.untested.sum()
    assert accepted.mean_score == pytest.approx(mean / N)
    certified = sb.certify(run, fixed)
    assert certified and certified.length == int(fixed.length.length) > 80_000 and certified.side == "lower"
    seed = np.random.default_rng(3).integers(0, 2, 2 * N + certified.length - 1)
    output = sb.extract(run, fixed, seed)
    raw = np.concatenate([run.rounds.a, run.rounds.b])
    for row in (0, 777, certified.length - 1):  # the definition, row by row
        assert output.bits[row] == int(seed[row : row + 2 * N][::-1] @ raw.astype(np.int64)) % 2
    assert output.bits.size == certified.length and abs(output.bits.mean() - 0.5) < 0.01
    other = sb.extract(run, fixed)  # a seed from the operating system
    assert other.seed.size == seed.size and (other.bits != output.bits).any()
    with pytest.raises(InvalidShape, match=rf"array of {seed.size} bits.*not {seed.size - 1} bits"):
        sb.extract(run, fixed, seed[1:])
    with pytest.raises(InvalidShape, match=r"bits.* not 1; leave it out"):
        sb.extract(run, fixed, 1)
    with pytest.raises(InvalidParameter, match="0 to 1"):
        sb.extract(run, fixed, seed + 1)
    with pytest.raises(InvalidInput, match="in their order"):
        sb.extract(sb.Counts.from_table(run.table, untested=run.untested), fixed)


def test_blocks_of_the_hash_are_the_whole_matrix(monkeypatch) -> None:
    rng = np.random.default_rng(2)
    for block in (7, 64):
        monkeypatch.setattr(hashing, "BLOCK", block)
        for n, length in ((1, 1), (40, 40), (100, 13), (200, 150)):
            key, seed = rng.integers(0, 2, n, dtype=np.uint8), hashing.toeplitz_seed(n, length, rng)
            matrix = np.array([[seed[i - j + n - 1] for j in range(n)] for i in range(length)])
            assert (hashing.toeplitz_hash(key, seed, length) == matrix @ key % 2).all()


def test_runs_that_do_not_pass(run) -> None:
    fixed, rng = protocol(N), np.random.default_rng(5)
    gamma = fixed.length.test_probability

    def reason(counts: sb.Counts) -> str:
        found = sb.certify(counts, fixed)
        assert not found and found.length == 0
        return found.reason

    local = sb.Counts.from_rounds(*rounds(LOCAL, N, gamma, rng))
    assert "below the threshold" in reason(local)
    with pytest.raises(InvalidInput, match="nothing is extracted: the mean score"):
        sb.extract(local, fixed)
    assert "399999 rounds" in reason(run.split(1)[1])
    assert "do not fit" not in reason(drawn(HONEST, N, rng))
    assert "improbable" in reason(drawn(HONEST, N, rng))  # all rounds are tests
    moved = sb.Counts.from_table(run.table, untested=np.roll(run.untested, 1, axis=2))
    assert "not at the settings x = 0" in reason(moved)
    skewed = run.table.copy()
    skewed[:, :, 0, 0] += skewed[:, :, 1, 0] // 2
    skewed[:, :, 1, 0] -= skewed[:, :, 1, 0] // 2
    untested = run.untested.copy()
    untested[0, 0, 0, 0] += N - int(untested.sum()) - int(skewed.sum())
    assert "improbable" in reason(sb.Counts.from_table(skewed, untested=untested))
    assert "Scenario" in reason(sb.Counts.from_table(np.ones((2, 2, 3, 3), dtype=int)))


def test_runs_of_a_protocol_by_renyi_entropies() -> None:
    """All tests pass that Chernoff promises, devices of CHSH 2.6 do not, and their bits are hashed."""
    data = sb.Observations.bell_value(sb.chsh(), 2.64)
    length = sb.finite_randomness_length(HONEST, N, observed=data, method="renyi", test_probability=0.2)
    fixed, rng = sb.FixedProtocol(length), np.random.default_rng(2)
    good = sb.Counts.from_rounds(*rounds(HONEST, N, 0.2, rng))
    assert sb.certify(good, fixed).length == math.floor(length.length)
    assert sb.extract(good, fixed).bits.size == math.floor(length.length)
    worse = sb.Behaviour.from_correlators(0.65 * np.array([[1.0, 1.0], [1.0, -1.0]]))
    assert "below the threshold" in sb.certify(sb.Counts.from_rounds(*rounds(worse, N, 0.2, rng)), fixed).reason


def test_honest_runs_pass_as_often_as_promised_and_worse_ones_do_not() -> None:
    """Completeness is 1e-2: of 300 runs at most three abort in the mean; at CHSH 2.6 nearly all do."""
    fixed, rng = protocol(N), np.random.default_rng(11)

    def passed(size: float) -> int:
        p = sb.Behaviour.from_correlators(size * np.array([[1.0, 1.0], [1.0, -1.0]])).p
        gamma, runs = fixed.length.test_probability, 0
        both = np.concatenate([(gamma * p * 0.25).ravel(), ((1 - gamma) * p[:, :, 0, 0]).ravel()])
        for _ in range(300):
            seen = rng.multinomial(N, both)
            untested = np.zeros(p.shape, dtype=int)
            untested[:, :, 0, 0] = seen[16:].reshape(2, 2)
            runs += bool(fixed.length.accepts(sb.Counts.from_table(seen[:16].reshape(p.shape), untested=untested)))
        return runs

    assert passed(0.66) >= 297 - 6
    assert passed(0.65) <= 30


def test_protocols_of_the_same_counts_are_refused(run) -> None:
    length = protocol(N).length
    training, rest = run.split(100_000)
    longer, _ = run.split(200_000)
    for first, second in ((run, run), (training, training), (training, run), (run, rest), (longer, rest)):
        with pytest.raises(InvalidInput, match="made from these counts or from a part of them"):
            sb.certify(second, sb.FixedProtocol(length, training=first))
    assert "300000 rounds" in sb.certify(rest, sb.FixedProtocol(length, training=training)).reason
    honest = run.behaviour()
    data = sb.Observations.bell_value(sb.chsh(), honest)
    made = sb.FixedProtocol(sb.finite_randomness_length(honest, N, observed=data))
    with pytest.raises(InvalidInput, match="estimate from these very counts"):
        sb.certify(run, made)
    with pytest.raises(InvalidInput, match="training must be a Counts"):
        sb.FixedProtocol(length, training="counts.csv")


def test_training_and_test_part_of_one_run(run) -> None:
    training, rest = run.split(100_000)
    honest = training.behaviour()
    data = sb.Observations.bell_value(sb.chsh(), honest)
    gamma = protocol(N).length.test_probability
    length = sb.finite_randomness_length(honest, rest.n, observed=data, test_probability=gamma)
    found = sb.certify(rest, sb.FixedProtocol(length, training))
    assert found or "below the threshold" in found.reason  # honest devices pass with probability 0.99 at the true value


def test_protocols_of_files(tmp_path, run) -> None:
    file = tmp_path / "protocol.toml"
    file.write_text(TOML + 'method = "accumulation"\n')
    fixed = sb.read_protocol(file)
    assert fixed.length.length == pytest.approx(protocol(N).length.length) and fixed.training is None
    file.write_text(TOML)
    longer = sb.read_protocol(file).length
    assert longer.method == "renyi" and longer.length > 1.5 * fixed.length.length
    other = tmp_path / "protocol.json"
    data = {"kind": "randomness", "rounds": N, "observed": "chsh", "probabilities": HONEST.p.tolist()}
    other.write_text(json.dumps(data | {"training": run.fingerprint}))
    with pytest.raises(InvalidInput, match="made from these counts"):
        sb.certify(run, sb.read_protocol(other))
    key = tmp_path / "key.toml"
    key.write_text(TOML.replace("randomness", "key") + "y = 0\npreprocessing = 0.0\ntest_probability = 0.1\n")
    found = sb.read_protocol(key)
    assert found.length.kind == "key" and found.length.test_probability == 0.1
    with pytest.raises(InvalidInput, match="distil_key does that"):
        sb.extract(run, found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind = 3", "kind"),
        (TOML + "level = 2", "level"),
        (TOML.replace("400_000", "0"), "rounds"),
        (TOML.replace("400_000", "1.5"), "rounds"),
        (TOML.replace("0.66,", "nan,"), "protocol"),
        (TOML + "soundness = 2.0", "soundness = 2"),
        (TOML + "sound = 0.1", "has the entry 'sound'; the entries are kind, rounds, .* training"),
        (TOML + "test_probability = 0.0", "test_probability"),
        (TOML + 'method = "best"', "method"),
        (TOML + "preprocessing = 0.1", "of a key"),
        (TOML.replace("randomness", "key") + "net = true", "of randomness"),
        (TOML.replace("correlators", "marginals_a"), "protocol"),
        (TOML + "training = 2020-01-01", "training"),
        (TOML.replace("[[0.66, 0.66], [0.66, -0.66]]", "[" * 500 + "]" * 500), "protocol"),
        ("kind = ", "not valid TOML"),
        ("#" * (1 << 20) + "\n", "more than"),
        (TOML.replace("400_000", "0x" + "f" * 6000), "protocol"),
    ],
)
def test_files_that_are_refused(tmp_path, text, words) -> None:
    file = tmp_path / "protocol.toml"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=words):
        sb.read_protocol(file)


def test_files_that_are_no_tables(tmp_path) -> None:
    file = tmp_path / "protocol.json"
    for text in ("[1]", "[" * 100_000, "NaN"):
        file.write_text(text)
        with pytest.raises(InvalidInput, match="protocol"):
            sb.read_protocol(file)
    with pytest.raises(InvalidInput, match="cannot be read"):
        sb.read_protocol(tmp_path / "absent.toml")
