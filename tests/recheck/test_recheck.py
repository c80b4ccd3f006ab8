"""The second checker agrees with the first on golden certificates, refuses forgeries, and never contradicts it."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import flint
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import sdpbound as sb
from sdpbound.recheck import Conclusion, recheck, recheck_apart
from sdpbound.recheck.answer import Budget
from sdpbound.recheck.balls import exact
from sdpbound.recheck.matrices import Real, log_ball, positive
from sdpbound.recheck.radau import radau_rule
from sdpbound.recheck.words import Devices
from tests.checker.test_forgeries import FORGERIES
from tests.golden_certificates import FAST, FOLDER, INDEX, QUBITS, golden
from tests.mutations import mutate
from tests.oracle import contradiction

OTHERS = [golden(name) for name in INDEX]
#: Branch and bound over angles for seconds each; some quick ones are in the fast suite.
QUICK = ("entropy_qubit_both_outcomes", "entropy_qubit_untested_setting", "attacks_all_channels_correlators")
SLOW = [name for name in QUBITS if name not in QUICK]
SEARCHED = [name for name in FORGERIES if name.startswith("qubit:")]
#: Certificates of each of the two formats of closed forms, of programs and of boxes, whose every number is changed.
STRICT = (
    "bell_quantum_chsh_upper",
    "closed_chsh",
    "boxes_joint_guess_one",
    "entropy_projective_chsh",
    "attack_entropy_chsh",
)


def agrees(name: str) -> None:
    """Both accept a golden certificate: the same claim, and numbers that are the same up to rounding."""
    first, second = sb.verify(FOLDER / f"{name}.json"), recheck(FOLDER / f"{name}.json")
    assert second.holds, second.reason
    assert (second.figure, second.side) == (first.figure, first.side)
    assert second.claimed == Fraction(golden(name)["claim"]["value"]) and second.proven is not None
    # the qubit reduction has a tolerance that is left to checkers
    room = 1e-5 if name in QUBITS and "finite" not in name else 1e-11
    assert float(second.proven) == pytest.approx(first.value, rel=1e-11, abs=room)


@pytest.mark.parametrize("name", [name for name in INDEX if name not in SLOW])
def test_agrees(name: str) -> None:
    agrees(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_agrees_on_qubits(name: str) -> None:
    agrees(name)


@pytest.mark.parametrize("name", [name for name in FORGERIES if name not in SEARCHED])
def test_refuses(name: str) -> None:
    found = recheck(FORGERIES[name](), time_limit=60)
    assert not found.holds and found.reason


@pytest.mark.slow
@pytest.mark.parametrize("name", SEARCHED)
def test_refuses_qubits(name: str) -> None:
    assert not recheck(FORGERIES[name](), time_limit=60).holds


# --- changed certificates ---------------------------------------------------------------------------------------------


def answers(names: list[str], examples: int) -> Counter[tuple[bool, bool]]:
    """What both say to so many changed certificates; neither may accept what explicit strategies contradict."""
    said: Counter[tuple[bool, bool]] = Counter()

    @settings(max_examples=examples, phases=[Phase.generate], database=None, deadline=None)
    @given(st.sampled_from(names), st.integers(0, 2**64 - 1))
    def change(name: str, seed: int) -> None:
        certificate = golden(name)
        changes = mutate(certificate, seed, OTHERS)
        try:
            first: sb.Verification | None = sb.verify(certificate, strict=False)
        except sb.CertificateError:
            first = None
        second = recheck(certificate, time_limit=60)
        said[first is not None and first.holds, second.holds] += 1
        what = f"{name}, seed {seed}, {', '.join(changes)}"
        if second.holds:
            false = contradiction(certificate)
            assert false is None, f"{what}: accepted by the second, but {false}"
        room = Fraction(1, 10**5) if name in QUBITS else Fraction(1, 10**10)
        room += weaker_constant(certificate, golden(name)) if name in QUBITS else 0
        assert not proves_the_contrary(first, second, room), f"{what}: {first} but {second}"

    change()
    return said


def weaker_constant(changed: dict[str, Any], honest: dict[str, Any]) -> Fraction:
    """How much less the functional of a changed file claims: that is true as well, and the second uses its own."""
    try:
        constant = Fraction(changed["claim"]["functional"]["constant"])
    except (KeyError, TypeError, ValueError, OverflowError):  # it was changed to something else
        return Fraction(0)
    return max(Fraction(honest["claim"]["functional"]["constant"]) - constant, Fraction(0))


def test_a_weaker_constant_is_no_disagreement() -> None:
    certificate = golden("entropy_qubit_full")
    certificate["claim"]["functional"]["constant"] *= 2.0
    first, second = sb.verify(certificate, strict=False), recheck(certificate, time_limit=60)
    assert not first.holds and second.holds  # the value is true, and the functional, too
    room = Fraction(1, 10**5)
    assert proves_the_contrary(first, second, room)
    assert not proves_the_contrary(first, second, room + weaker_constant(certificate, golden("entropy_qubit_full")))


def proves_the_contrary(first: sb.Verification | None, second: Conclusion, room: Fraction) -> bool:
    """Whether both read the same statement, one accepts, and the other's own number is far from the claim.

    ``room`` is what a proof leaves to checkers. For qubits the first one's number is the file's functional at the data,
    and the second looks for a better constant. A number may be weaker than the other's: one checker charges roundings
    that the other computes exactly. Entropies of self-tests are about data within 1e-12, which is worth 5e-11 bit near
    deterministic outcomes.
    """
    if first is None or second.proven is None or second.claimed is None or first.holds == second.holds:
        return False
    miss = second.claimed - (second.proven if first.holds else Fraction(first.value))
    far = miss if second.side == "lower" else -miss
    return far > room * max(1, abs(second.claimed))


def test_some_changes() -> None:
    said = answers(FAST, 60)
    assert said[True, True] >= 3 and said[False, False] >= 20
    assert said[True, False] + said[False, True] <= 4


@pytest.mark.slow
def test_hundreds_of_changes() -> None:
    said = answers(FAST, 400)
    assert said[True, True] >= 40 and said[False, False] >= 150
    assert said[True, False] + said[False, True] <= 12


@pytest.mark.slow
def test_thousands_of_changes() -> None:
    said = answers(FAST, 10_000)
    assert said[True, True] >= 1000 and said[False, False] >= 4000
    assert said[True, False] + said[False, True] <= 150


@pytest.mark.slow
def test_changes_of_qubit_reductions() -> None:
    assert answers(QUBITS, 60).total() >= 60


@pytest.mark.parametrize("name", STRICT)
def test_the_claim_is_not_accepted_if_it_is_a_little_better(name: str) -> None:
    certificate = golden(name)
    step = Fraction(1, 10**9) * (1 if certificate["question"]["side"] == "lower" else -1)
    proven = recheck(certificate).proven
    assert proven is not None
    certificate["claim"]["value"] = str(proven + step)
    assert not recheck(certificate).holds
    certificate["claim"]["value"] = str(proven - step)
    assert recheck(certificate).holds


# --- what a stranger may send -----------------------------------------------------------------------------------------


def damaged() -> Iterator[Any]:
    """Things that are no certificates."""
    whole = golden("bell_quantum_chsh_upper")
    for key in ("format", "question", "proof", "claim"):
        for value in (None, [], {}, "x", 10**5000, float("nan"), [[[[]]]]):
            yield {**copy.deepcopy(whole), key: value}
    deep: Any = 1.0
    for _ in range(5000):
        deep = [deep]
    yield {**whole, "claim": {"value": deep, "functional": deep}}
    yield {**whole, "extra": 1}
    yield {**whole, "version": True}
    yield from ({}, [], 7, None, FOLDER / "absent.json", FOLDER)


def test_damaged_certificates_are_refused_with_a_reason() -> None:
    for entry in damaged():
        found = recheck(entry)
        assert not found.holds and found.reason.endswith(".")


def test_work_is_counted_before_it_is_done() -> None:
    certificate = golden("bell_local_chsh_upper")
    certificate["question"]["scenario"]["outcomes"] = [[2] * 12] * 4
    assert not recheck(certificate).holds
    certificate = golden("bell_quantum_chsh_upper")
    copies = certificate["proof"]["copies"]
    copies[0]["words"] = copies[0]["words"] * 200
    assert "it may have" in recheck(certificate).reason


def test_numbers_whose_digits_would_fill_the_memory_are_refused() -> None:
    certificate = golden("finite_key_classical")
    certificate["proof"]["accumulation"]["gamma"] = 1e-60
    assert not recheck(certificate).holds
    with pytest.raises(sb.CertificateError, match="too large"):
        exact(flint.arb(10**12).exp().upper())


def test_time_is_limited() -> None:
    found = recheck(golden("entropy_qubit_flips"), time_limit=0.2)
    assert not found.holds and "ended after" in found.reason


def test_a_process_of_its_own() -> None:
    path = FOLDER / "guess_local_quantum.json"
    assert recheck_apart(path) == recheck_apart(golden("guess_local_quantum")) == recheck(path)
    assert "memory" in recheck_apart(path, memory_limit=2e7).reason
    assert not recheck_apart(FOLDER / "absent.json").holds


def test_names_that_occur_twice_are_refused(tmp_path: Any) -> None:
    text = (FOLDER / "bell_local_chsh_upper.json").read_text(encoding="utf-8")
    path = tmp_path / "twice.json"
    path.write_text(text.replace('"claim"', '"claim": {"value": 1.0}, "claim"', 1), encoding="utf-8")
    assert "twice" in recheck(path).reason


# --- its own mathematics ----------------------------------------------------------------------------------------------


def test_words_are_rewritten_as_matrices_multiply() -> None:
    """Of two settings, one with two outcomes and one with three, by explicit three-dimensional projectors."""
    devices = Devices(((2, 3), (3, 2)))
    c, s = 0.6, 0.8
    matrices = {
        (0, -1): flint.arb_mat([[c * c - s * s, 2 * c * s, 0], [2 * c * s, s * s - c * c, 0], [0, 0, 1]]),
        (1, 0): flint.arb_mat([[1, 0, 0], [0, 0, 0], [0, 0, 0]]),
        (1, 1): flint.arb_mat([[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    }
    letters = list(matrices)
    one = flint.arb_mat([[int(i == j) for j in range(3)] for i in range(3)])
    for code in range(3**5):
        string = tuple(letters[code // 3**k % 3] for k in range(5))
        reduced = devices.string(0, string)
        product, short = one, one
        for letter in string:
            product = product * matrices[letter]
        for letter in reduced or ():
            short = short * matrices[letter]
        if reduced is None:
            short = 0 * one
        assert max(abs(float(v)) for v in (product - short).entries()) < 1e-12


def test_the_rule_integrates_polynomials() -> None:
    """A rule of m nodes with one fixed is exact up to degree 2m - 2."""
    with flint.ctx.workprec(640):
        for count in (2, 3, 7):
            rule = radau_rule(count, Budget())
            for degree in range(2 * count - 1):
                found = sum(kappa * t ** (degree + 1) * flint.arb(2).log() for t, kappa in rule)
                assert abs(found - flint.arb(1) / (degree + 1)) < 1e-100


def test_logarithms_are_enclosed() -> None:
    with flint.ctx.workprec(160):
        given_log = Real([[0.5, 0.25, 0], [0.25, -3, 1], [0, 1, -20]])
        found = log_ball(given_log.exp())
        assert found is not None and found.contains(given_log)
        assert max(float(entry.rad()) for entry in found.entries()) < 1e-30
        assert positive(given_log.exp()) and not positive(given_log)


def more_value(c: dict[str, Any]) -> None:
    c["claim"]["value"] += 1e-3


def more_constant(c: dict[str, Any]) -> None:
    c["claim"]["functional"]["constant"] += 1e-3


def other_map(c: dict[str, Any]) -> None:
    row = c["proof"]["coarse"]["outcomes"][0][0]
    row[0], row[1] = row[1], row[0]


def other_slope(c: dict[str, Any]) -> None:
    c["proof"]["multipliers"][0] += 0.1


def no_map(c: dict[str, Any]) -> None:
    c["proof"]["coarse"]["outcomes"][0][0][0] = 2


def twice_coarser(c: dict[str, Any]) -> None:
    c["proof"]["coarse"]["proof"] = {"multipliers": [], "coarse": c["proof"]["coarse"]}


@pytest.mark.parametrize("change", [None, more_value, more_constant, other_map, other_slope, no_map, twice_coarser])
def test_coarser_data(change: Callable[[dict[str, Any]], None] | None) -> None:
    certificate = golden("entropy_coarse_two_of_three")
    if change is None:
        found = recheck(certificate)
        assert found.holds and found.kind == "entropy of coarser data"
        assert found.proven is not None and float(found.proven) == pytest.approx(
            certificate["claim"]["value"], abs=1e-9
        )
    else:
        change(certificate)
        assert not recheck(certificate).holds
