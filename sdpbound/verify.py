"""Check a certificate without trusting the code that made it.

A certificate is a JSON file with a question, a proof and a claim. This module reads the question in Bell terms, builds
every polynomial again with its own small word algebra, and recomputes the bound in exact rational arithmetic: a float
is the dyadic rational that it stores, a string ``"p/q"`` is that rational, and only the final number is rounded, away
from the truth. It shares no code with the modules that make certificates. Of the file it trusts the question only (what
is asked, and the data): ``created_by`` and the ``level`` of the quantum model are labels. The words of a proof need not
be of that level, for any words prove a bound on the quantum set.

**Question.** Each figure is a maximum over copies e of sub-normalised behaviours v_e of the model's set, ::

    maximise  sum_e objective_e . v_e   subject to  sum_e <1>_e = 1,  |sum_e observed_j . v_e - value_j| <= tolerance_j

===========================  ==========================================================================================
``bell_value``               one copy, the coefficients (side upper) or minus them (side lower)
``separation``               one copy, objective 0: a negative upper bound proves that the data are outside the set
``guessing_probability``     y null: copies a, objective P_{a|x}; else copies a |B_y| + b, objective P_{a|x} P_{b|y}
``blind_guessing_prob...``   quantum: one copy in which Bob has a further measurement K that commutes with his setting
                             y, objective sum_a P_{a|x} K_a; else one copy for each map g from Bob's outcomes to
                             guesses, numbered in base |A| (g(b) = e // |A|^b mod |A|), objective
                             sum_b P_{g(b)|x} P_{b|y}
``min_entropy``              -log2 of the bound on one of the guessing probabilities, rounded down (side lower)
``conditional_entropy``      quantum only: the von Neumann entropy of Alice's outcome (y null), or of both, given Eve,
                             in bits (side lower); Alice flips her bit with probability ``preprocessing`` before
===========================  ==========================================================================================

Tensors are in moment coordinates: one axis per party with the identity at index 0 and then, setting by setting, the
observable O_x = P_{0|x} - P_{1|x} of a setting with two outcomes, or the projectors P_{0|x} .. P_{d-2|x} of any other.

**Proof.** With multipliers lambda_j of either sign, each copy leaves a residual polynomial R_e:

- quantum: R_e = objective_e - sum_j lambda_j observed_j + sum_uv (L L^T)_uv w_u^dagger w_v. The last term is never
  negative on a state, so the bound on R_e bounds the rest. A word and its adjoint are identified, as the matrix is
  real and symmetric.
- no-signaling: the last term is a sum of weights >= 0 times the probabilities p(a.. | x..) >= 0.
- local: R_e = objective_e - sum_j lambda_j observed_j, to be maximised over all deterministic strategies.

Products of projectors and of +-1 observables have |<w>_e| <= <1>_e, as have the coordinates of a no-signaling
behaviour. So R_e . v_e <= kappa_e <1>_e with kappa_e = R_e[1] + sum_{w != 1} |R_e[w]| (local: the enumerated
maximum), and with mu = max_e kappa_e ::

    figure <= mu + sum_j lambda_j observed_j . v                      for every behaviour v of the model's set,
    figure <= mu + sum_j (lambda_j value_j + |lambda_j| tolerance_j)  on the data.

A proof with wrong numbers gives a weaker bound, never a false one. For the side lower of a Bell value the signs are
turned round. For the min-entropy, -log2 is convex and lies above each of its tangents: for every t > 0 ::

    H >= log2(t ln 2) + 1/ln 2 - t (mu + sum_j lambda_j observed_j . v)   for every behaviour v of the model's set.

A claimed functional a + sum_j b_j observed_j . v holds if, for one t, a is at most the right side at v = <1> minus
sum_j |b_j + t lambda_j| * (sum of |coefficients of observed_j|); the checker takes the best t for the b_j. The
functional it returns has the t of the tangent at f0 = mu + sum_j lambda_j value_j, namely 1/(f0 ln 2).

**Von Neumann entropies.** The outcomes are told apart by bits: the first half of them (one more if odd) against the
rest, and so on within each part; with y first Alice's outcome, then for each of her outcomes Bob's. With M = M_0 + M_1
the effects of a bit, products of effects of Alice and Bob, r and r_b Eve's operators conditional on them, the entropy
is the sum over bits of ::

    Tr r - (1/ln 2) integral_0^{1/2} f(s) (1/s + 1/(1-s)) ds,    f(s) = sum_b Tr(s r - r_b)_+,

by the chain rule and Frenkel's formula (arXiv:2208.12194), with f(1-s) = f(s) + (1-2s) Tr r. Flips with probability q
leave f(t) (1-2q) at s = q + (1-2q) t. A proof has nodes t_1 < ... < t_N = 1/2. f is convex and f(0) = 0, so the lines
between its values at 0 and the nodes are not below it; integrated, they give weights w_i (floats rounded up), and

    entropy >= sum_bits <M> - sum_i w_i sum_bits,b max_P <P (t_i M - M_b)>,

with P any projection that commutes with the devices. Each copy (node by node, bit by bit, M_0 before M_1) comes with
factors ``inner`` A and ``outer`` B: with squares S_A = sum_uv (A A^T)_uv w_u^dagger w_v and S_B alike,

    w_i (t_i M - M_b) = S_B - S_A + R,   so   w_i max_P <P (t_i M - M_b)> <= <S_B> + max(0, R[1] + sum_{w != 1} |R[w]|),

for <P S> lies between 0 and <S>, and |<P w>| <= <P> <= 1. What remains, sum S_B - sum_bits M, is an affine question
about Alice and Bob alone, bounded as in the quantum case above with the entry ``factor``. A proof with an entry
``gauss_radau`` is of another kind: see :mod:`sdpbound.verify_gauss_radau`.

**Closed forms.** A file of format ``sdpbound closed form`` has tested data of two parties with two settings of two
outcomes each, and no proof: the data are said to self-test the singlet, where Eve's entropies are known
(arXiv:2309.09650, Proposition 1 (iv)). With E the self-tested correlator of the settings x and y, in bits,

    H(A|x,E) = 1,   H(AB|x,y,E) = 1 + h((1+E)/2),   blind H(A|x,y,B,E) = h((1+E)/2).

The checker finds again, from the data alone, that they are at a self-test within 1e-12. Either one tested expression
has only correlator coefficients c_xy and a constant, and a value that is + or - its quantum maximum within
1e-12 max(1, sum |c_xy|); c_00 c_01 c_10 c_11 < 0, and the best cosine between Bob's settings, a rational function of
the c_xy, lies strictly inside (-1, 1) (both in exact rational numbers), so that only the singlet has this maximum; then
E is known from the c_xy. Or the four correlators are given one by one, at most one is within 1e-12 of +-1, and numbers
within 1e-12 of them satisfy the arcsine criterion of arXiv:1511.04886; then E is the float given.

What this proves is about data *exactly* at the self-test that agrees with the floats within these tolerances: no float
can say more, and for data that are only close the entropy may be smaller by about the square root of the distance. As E
is a rounded number where it was claimed, a claim holds if it is at most the entropy of a correlator within 1e-11 of E.

A file of this format about a ``conditional_entropy`` is a formula of one Bell value: see
:mod:`sdpbound.verify_closed_entropy`. Lengths from finitely many rounds: see :mod:`sdpbound.verify_finite`.
"""

from __future__ import annotations

import json
import math
import os
import re
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import Any

import flint

from sdpbound.errors import CertificateError

__all__ = ["Verification", "read", "verify"]

Index = tuple[int, ...]  # one coordinate for each party
Tensor = dict[Index, Fraction]  # a sparse functional in moment coordinates
PartyWord = tuple[int, ...]  # letters of one party; a letter is its coordinate index
Word = tuple[PartyWord, ...]
Residual = tuple[dict[Any, int], int]  # numerators by word (or by coordinates), and their common denominator

# Limits that keep a hostile file from exhausting time or memory; far above any honest certificate.
_LARGEST_NUMBER = 2**200
_SMALLEST_NUMBER = Fraction(1, 2**1074)  # what floats have
_LARGEST_NORMAL = 2**64  # of values and multipliers of expressions in normal form
_LONGEST_RATIONAL = 400  # characters
_LARGEST_DENOMINATOR = 8192  # bits of a common denominator
_LARGEST_FILE = 2**28  # bytes
_MOST_PARTIES = 12
_LARGEST_TENSOR = 2**20
_MOST_COPIES = 2**16
_MOST_LINEAR_WORK = 2**25  # copies times coordinates
_MOST_WORDS = 2048
_MOST_NODES = 4096
_MOST_OUTCOMES = 256  # of the key of an entropy
_LONGEST_WORD = 32  # letters of one party
_MOST_PRODUCTS = 2**20  # kept from one copy to the next
_MOST_STRATEGIES = 2**22
_MOST_LOCAL_WORK = 2**28
_PRECISION = 1024  # bits, of the logarithms
_MULTIPLIER_TOLERANCE = Fraction(1, 10**12)  # relative; what it changes is charged to the constant
_SELF_TEST_TOLERANCE = Fraction(1, 10**12)  # how far floats may be from data exactly at a self-test
_GAP_FACTOR = 10  # how many times that the self-test must be away from every local behaviour
_CORRELATOR_SLACK = Fraction(1, 10**11)  # what a claimed entropy may owe to the rounding of its correlator

_RATIONAL = re.compile(r"[+-]?[0-9]+(/[0-9]+)?")
_ZERO = Fraction(0)
_ONE = Fraction(1)
_HALF = Fraction(1, 2)
_GUESSING = ("guessing_probability", "blind_guessing_probability")
_OTHERS = ("bell_value", "separation", "min_entropy", "conditional_entropy")
_CERTIFICATE = "sdpbound certificate"
_CLOSED_FORM = "sdpbound closed form"
_BOXES = "sdpbound box certificate"  # checked in verify_boxes.py


@dataclass(frozen=True, slots=True)
class Verification:
    """What a certificate proves.

    Attributes
    ----------
    value : float
        The bound recomputed from the question and the proof, rounded outward.
    claimed : float
        The bound that the certificate claims.
    side : str
        "upper" if the figure is at most ``value``, "lower" if it is at least ``value``.
    figure : str
        Kind of the figure of merit.
    model : str
        Kind of the adversary model; for "quantum" the bound is valid for the whole quantum set, whatever the level.
    holds : bool
        Whether the proof implies the claimed value and the claimed functional.
    functional : tuple or None
        ``(constant, multipliers)`` of the affine functional that the proof gives: the figure of every behaviour v of
        the set is at most (side "lower": at least) constant + sum_j multipliers_j observed_j . v. None for a closed
        form, which is about data at a self-test only and claims its value up to the rounding of a correlator (module
        docstring), and for boxes (:mod:`sdpbound.verify_boxes`).
    message : str
        One or two sentences for people.
    """

    value: float
    claimed: float
    side: str
    figure: str
    model: str
    holds: bool
    functional: tuple[float, tuple[float, ...]] | None
    message: str


def verify(
    certificate: Mapping[str, Any] | str | os.PathLike[str],
    *,
    strict: bool = True,
    time_limit: float | None = None,
    memory_limit: float | None = None,
) -> Verification:
    """Recompute the bound of a certificate and compare it with what it claims.

    Parameters
    ----------
    certificate : dict, str or os.PathLike
        The certificate as a dictionary, or the path of its JSON file (a string is always a path).
    strict : bool
        Whether a claim that the proof does not imply is an error; if False, the answer has ``holds`` False.
    time_limit, memory_limit : float or None
        Seconds and bytes that the check may take, in a process of its own (of the two, one that is None has the
        default of :class:`sdpbound.verify_apart.Checker`). Both None: in this process, without limits.

    Returns
    -------
    Verification
        The recomputed bound with its side, and the affine functional that the proof gives.

    Raises
    ------
    CertificateError
        If an entry is missing, unknown, malformed or too large to check, if a limit ended the check, or (with
        `strict`) if the proof does not imply the claim.

    Examples
    --------
    No local behaviour has a CHSH value above 2; the proof is the enumeration of all strategies.

    >>> chsh = [[0, 0, 0], [0, 1, 1], [0, 1, -1]]
    >>> question = {"scenario": {"outcomes": [[2, 2], [2, 2]]},
    ...             "figure": {"kind": "bell_value", "coefficients": chsh},
    ...             "side": "upper", "observed": [], "model": {"kind": "local"}}
    >>> certificate = {"format": "sdpbound certificate", "version": 1, "created_by": "by hand", "question": question,
    ...                "proof": {"multipliers": [], "copies": []},
    ...                "claim": {"value": 2.0, "functional": {"constant": 2.0, "multipliers": []}}}
    >>> verify(certificate).value
    2.0
    """
    if time_limit is not None or memory_limit is not None:
        from sdpbound.verify_apart import MEMORY_LIMIT, TIME_LIMIT, Checker  # it calls this function

        limits = (
            TIME_LIMIT if time_limit is None else time_limit,
            MEMORY_LIMIT if memory_limit is None else memory_limit,
        )
        with Checker(*limits) as checker:
            return checker.verify(certificate, strict=strict)
    try:
        return _verify(read(certificate), strict)
    except CertificateError:
        raise
    except (ArithmeticError, LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
        # what no reading foresaw proves nothing
        raise CertificateError(
            f"The certificate cannot be checked: its numbers lead to {type(error).__name__} ({error})."
        ) from error


def _verify(root: Mapping[str, Any], strict: bool) -> Verification:
    if root["format"] == _CLOSED_FORM:
        return _verify_closed_form(root, strict)
    if root["format"] == _BOXES:
        from sdpbound.verify_boxes import verify_boxes  # it uses this module's reading of numbers

        return verify_boxes(root, strict)
    if isinstance(root["proof"], Mapping) and "strategies" in root["proof"]:
        from sdpbound.verify_attack import verify_attack  # it uses this module's reading of numbers and questions

        return verify_attack(root, strict)
    if isinstance(root["proof"], Mapping) and "accumulation" in root["proof"]:
        from sdpbound.verify_finite import verify_finite  # as above

        return verify_finite(root, strict)
    return _verify_bound(root, strict)


def _verify_bound(root: Mapping[str, Any], strict: bool) -> Verification:
    """A bound whose proof gives an affine functional."""
    from sdpbound.verify_trials import out_of_range, range_of, try_statement, try_value  # it uses this module's reading

    question = _read_question(root["question"])
    observed = question.observed
    claim = _keys(root["claim"], ("value", "functional"), "claim")
    claimed = _number(claim["value"], "claim.value")
    functional = _keys(claim["functional"], ("constant", "multipliers"), "claim.functional")
    constant = _number(functional["constant"], "claim.functional.constant")
    slopes = _numbers(functional["multipliers"], "claim.functional.multipliers", length=len(observed))
    multipliers, charge_of = _method(root, question)
    _common_denominator([*multipliers, *slopes, claimed, constant], "proof.multipliers and claim")
    size = max((abs(value) for tensor in question.objectives for value in tensor.values()), default=_ONE)
    scaled = observed.scaled(multipliers)
    for j, multiplier in enumerate(scaled):
        _sized(multiplier / max(size, _ONE), f"proof.multipliers[{j}]")
    charge = charge_of(scaled, constant + observed.shift(slopes))
    conclude = _conclude_entropy if question.kind == "min_entropy" else _conclude_affine
    bound, proven, faults = conclude(question, scaled, charge, constant, slopes)
    upper = question.side == "upper"
    value = _rounded(bound, up=upper)
    if bound > claimed if upper else bound < claimed:
        said = f"the claimed value {_nearest(claimed)!r}"
        faults = [f"the recomputed {question.side} bound is {value!r}, {said}", *faults]
    limits = range_of(question)
    if limits is not None:
        faults += out_of_range(claimed, question.side, *limits, f"a {question.kind} of this question")
    subject = f"{question.kind} in the {question.model} model"
    if faults:
        message = f"The certificate does not prove its claim on the {subject}: {'; '.join(faults)}."
        if strict:
            raise CertificateError(message)
    else:
        statements = {(constant, tuple(slopes)), (Fraction(proven[0]), tuple(map(Fraction, proven[1])))}
        for height, steepness in statements:
            try_statement(question, height + observed.shift(steepness), observed.scaled(steepness))
        try_value(question, claimed)
        message = f"The {subject} is at {'most' if upper else 'least'} {value!r}, as claimed ({_nearest(claimed)!r})."
        if question.kind == "separation":
            message += " The data are outside the set." if value < 0 else " This does not separate the data."
    return Verification(
        value=value,
        claimed=_rounded(claimed, up=upper),
        side=question.side,
        figure=question.kind,
        model=question.model,
        holds=not faults,
        functional=proven,
        message=message,
    )


def _method(
    root: Mapping[str, Any], question: _Question
) -> tuple[list[Fraction], Callable[[list[Fraction], Fraction], Fraction]]:
    """The multipliers of a proof, and what finds its charge from those of the normal forms and the claimed constant."""
    entropy = question.kind == "conditional_entropy"
    given = root["proof"] if isinstance(root["proof"], Mapping) else {}
    method = given.get("method")
    entries: tuple[str, ...] = ("multipliers", "copies")
    if "method" in given and (entropy or method == "trivial"):
        entries = ("method", "multipliers")
    elif entropy and "gauss_radau" in given:
        entries = ("multipliers", "gauss_radau", "words", "left", "right", "factor", "blocks")
    elif entropy:
        entries = ("multipliers", "nodes", "words", "factor", "copies")
    proof = _keys(root["proof"], entries, "proof")
    multipliers = _numbers(proof["multipliers"], "proof.multipliers", length=len(question.observed))
    if "method" in entries and method == "trivial":
        return multipliers, lambda scaled, _: _trivial_charge(question, scaled)
    if "method" in entries:
        from sdpbound.verify_qubit import qubit_charge

        return multipliers, lambda scaled, constant: qubit_charge(question, method, scaled, constant)
    if "gauss_radau" in entries:
        from sdpbound.verify_gauss_radau import gauss_radau_charge

        return multipliers, lambda scaled, _: gauss_radau_charge(question, scaled, proof)
    if entropy:
        return multipliers, lambda scaled, _: _entropy_charge(question, scaled, proof)
    return multipliers, lambda scaled, _: max(_charges(question, scaled, proof["copies"]))


def _trivial_charge(question: _Question, multipliers: Sequence[Fraction]) -> Fraction:
    """A probability is at most one, and the entropy of an outcome not below that of its flips."""
    if any(multipliers):
        raise CertificateError("proof.multipliers must be 0 where proof.method is trivial.")
    if question.kind == "conditional_entropy":
        with flint.ctx.workprec(_PRECISION):
            return -_lower(_binary_entropy(_ball(1 - 2 * question.flips)))
    if question.kind == "min_entropy" or question.kind in _GUESSING:
        return _ONE
    raise CertificateError(f"proof.method is trivial; that proves nothing about {question.kind}.")


def read(certificate: Mapping[str, Any] | str | os.PathLike[str]) -> Mapping[str, Any]:
    """The entries of a certificate in a format and version that :func:`verify` can check; nothing else is checked.

    Raises
    ------
    CertificateError
        If the file cannot be opened, is not JSON, or is no certificate.
    """
    root = _read(certificate)
    formats = (_CERTIFICATE, _CLOSED_FORM, _BOXES)
    if isinstance(root, Mapping) and "format" in root and root["format"] not in formats:
        raise CertificateError(f"format is {_show(root['format'])}; it must be one of {', '.join(map(repr, formats))}.")
    if isinstance(root, Mapping) and root.get("format") == _CLOSED_FORM:
        _keys(root, ("format", "version", "created_by", "question", "theorem", "claim"), "certificate")
        _string(root["theorem"], "theorem")
    else:
        _keys(root, ("format", "version", "created_by", "question", "proof", "claim"), "certificate")
    if isinstance(root["version"], bool) or not isinstance(root["version"], int) or root["version"] != 1:
        raise CertificateError(f"version is {_show(root['version'])}; this sdpbound reads version 1.")
    _string(root["created_by"], "created_by")
    return root


# --- the question --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Scenario:
    """Numbers of outcomes, ``outcomes[party][setting]``, and the moment coordinates that follow from them."""

    outcomes: tuple[tuple[int, ...], ...]

    def letters(self, party: int) -> list[range]:
        """Coordinates of each setting of a party."""
        ranges, start = [], 1
        for outcomes in self.outcomes[party]:
            stop = start + (1 if outcomes == 2 else outcomes - 1)
            ranges.append(range(start, stop))
            start = stop
        return ranges

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(1 + sum(map(len, self.letters(party))) for party in range(len(self.outcomes)))

    def effects(self, party: int, setting: int) -> list[dict[int, Fraction]]:
        """The effect of each outcome of a setting, as a combination of coordinates."""
        letters = self.letters(party)[setting]
        if self.outcomes[party][setting] == 2:
            return [{0: _HALF, letters[0]: _HALF}, {0: _HALF, letters[0]: -_HALF}]
        return [*({letter: _ONE} for letter in letters), {0: _ONE, **dict.fromkeys(letters, -_ONE)}]

    def with_setting(self, party: int, outcomes: int) -> _Scenario:
        """One further setting of a party, after its last: the coordinates before it keep their numbers."""
        rows = list(self.outcomes)
        rows[party] = (*rows[party], outcomes)
        return _Scenario(tuple(rows))


@dataclass(frozen=True, slots=True)
class _Observed:
    """Tested expressions in normal form: without a constant, the largest coefficient in [1, 2).

    Expression j of the file is ``shifts[j] + scales[j] * tensors[j]``, and its value and tolerance go with it. So no
    number of a file can drown another one before anything is computed.
    """

    tensors: list[Tensor] = field(default_factory=list)
    values: list[Fraction] = field(default_factory=list)
    tolerances: list[Fraction] = field(default_factory=list)
    shifts: list[Fraction] = field(default_factory=list)
    scales: list[Fraction] = field(default_factory=list)  # powers of two

    def __len__(self) -> int:
        return len(self.tensors)

    def scaled(self, multipliers: Sequence[Fraction]) -> list[Fraction]:
        """Multipliers of the file's expressions, as those of the normal forms."""
        return [m * scale for m, scale in zip(multipliers, self.scales, strict=True)]

    def unscaled(self, multipliers: Sequence[Fraction]) -> list[Fraction]:
        """The other way round."""
        return [m / scale for m, scale in zip(multipliers, self.scales, strict=True)]

    def shift(self, multipliers: Sequence[Fraction]) -> Fraction:
        """What the constants of the file's expressions contribute to their sum with these multipliers of the file."""
        return sum((m * shift for m, shift in zip(multipliers, self.shifts, strict=True)), _ZERO)

    def combined(self, multipliers: Sequence[Fraction]) -> Tensor:
        """The sum of the normal forms with these multipliers."""
        return _total(
            {index: m * value for index, value in tensor.items()}
            for m, tensor in zip(multipliers, self.tensors, strict=True)
        )

    @property
    def limits(self) -> list[Fraction]:
        """Largest modulus of each normal form on any behaviour: the sum of its |coefficients|."""
        return [sum(map(abs, tensor.values()), _ZERO) for tensor in self.tensors]


@dataclass(frozen=True, slots=True)
class _Question:
    scenario: _Scenario  # with K among Bob's settings if the figure needs it
    commuting: dict[int, frozenset[int]]  # party -> its two settings whose letters commute
    kind: str
    side: str
    model: str
    objectives: list[Tensor]  # one for each copy, of the maximisation
    observed: _Observed
    x: int = 0  # the settings of the figure, where it has them
    y: int | None = None
    blind: bool = False
    bits: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)  # M, M_0, M_1 of an entropy
    flips: Fraction = _ZERO  # probability of a flip before an entropy is asked for


def _read_question(entry: Any) -> _Question:
    question = _keys(entry, ("scenario", "figure", "side", "observed", "model"), "question")
    scenario = _read_scenario(question["scenario"])
    model = _read_model(question["model"])

    observed = _read_observed(question["observed"], scenario)
    kind = _kind(question["figure"], "question.figure", (*_OTHERS, *_GUESSING))
    figure, name = question["figure"], "question.figure"
    if kind == "min_entropy":
        figure, name = _keys(figure, ("kind", "of"), name)["of"], "question.figure.of"
        _kind(figure, name, _GUESSING)
    side = question["side"]
    allowed: tuple[str, ...] = ("upper", "lower") if kind == "bell_value" else ("upper",)
    if kind in ("min_entropy", "conditional_entropy"):
        allowed = ("lower",)
    if not isinstance(side, str) or side not in allowed:
        raise CertificateError(f"question.side is {_show(side)}; for {kind} it must be {' or '.join(allowed)}.")

    commuting: dict[int, frozenset[int]] = {}
    bits: list[tuple[Tensor, Tensor, Tensor]] = []
    flips = _ZERO
    x, y, blind = 0, None, False
    if kind == "conditional_entropy":
        objectives = []
        x, y, bits, flips = _read_entropy(figure, scenario, model, name)
    elif kind == "bell_value":
        figure = _keys(figure, ("kind", "coefficients"), name)
        sign = 1 if side == "upper" else -1
        coefficients = _tensor(figure["coefficients"], scenario.shape, f"{name}.coefficients")
        _require_work(scenario, model, 1)
        objectives = [{index: sign * value for index, value in coefficients.items()}]
    elif kind == "separation":
        _keys(figure, ("kind",), name)
        _require_work(scenario, model, 1)
        objectives = [{}]
    else:
        figure = _keys(figure, ("kind", "x", "y"), name)
        blind = figure["kind"] == "blind_guessing_probability"
        parties = len(scenario.outcomes)
        if parties < 2 and (blind or figure["y"] is not None):
            raise CertificateError(f"{name} is about two parties, but the scenario has one.")
        x = _integer(figure["x"], 0, len(scenario.outcomes[0]) - 1, f"{name}.x")
        if blind or figure["y"] is not None:
            y = _integer(figure["y"], 0, len(scenario.outcomes[1]) - 1, f"{name}.y")
            if blind and model == "quantum":
                _require_work(scenario, model, scenario.outcomes[0][x])
                scenario = scenario.with_setting(1, scenario.outcomes[0][x])
                commuting = {1: frozenset({y, len(scenario.outcomes[1]) - 1})}
                objectives = [_agreement(scenario, x)]
            else:
                objectives = _pair_objectives(scenario, model, x, y, blind, name)
        else:
            _require_work(scenario, model, scenario.outcomes[0][x])
            objectives = [_expand(scenario, (effect,)) for effect in scenario.effects(0, x)]

    _common_denominator((value for tensor in objectives for value in tensor.values()), "question.figure")
    return _Question(scenario, commuting, kind, side, model, objectives, observed, x, y, blind, bits, flips)


def _require_work(scenario: _Scenario, model: str, copies: int) -> None:
    """Refuse a question whose answer takes too long to check, before anything is built for it."""
    if copies > _MOST_COPIES or copies * math.prod(scenario.shape) > _MOST_LINEAR_WORK:
        raise CertificateError(
            f"question needs {_show(copies)} copies of {math.prod(scenario.shape)} coordinates; at most "
            f"{_MOST_COPIES} copies and {_MOST_LINEAR_WORK} numbers are checked."
        )
    if model == "local":
        number = copies * _enumerated(scenario)
        if number > _MOST_STRATEGIES or number * max(scenario.shape) > _MOST_LOCAL_WORK:
            raise CertificateError(
                f"The local model needs {_show(number)} strategies to be enumerated; at most {_MOST_STRATEGIES} can be."
            )


def _enumerated(scenario: _Scenario) -> int:
    """How many deterministic strategies are gone through for one functional: all but those of the party with most."""
    strategies = [math.prod(party) for party in scenario.outcomes]
    return math.prod(strategies) // max(strategies)


def _read_entropy(
    entry: Any, scenario: _Scenario, model: str, name: str
) -> tuple[int, int | None, list[tuple[Tensor, Tensor, Tensor]], Fraction]:
    """The settings of the key, its bits, and the probability of a flip."""
    figure = _keys(entry, ("kind", "x", "y", "preprocessing"), name)
    if model != "quantum" or len(scenario.outcomes) != 2:
        raise CertificateError(f"{name} is about two parties with quantum devices; the question has {model} ones.")
    x = _integer(figure["x"], 0, len(scenario.outcomes[0]) - 1, f"{name}.x")
    alice = scenario.effects(0, x)
    if len(alice) > _MOST_OUTCOMES:
        raise CertificateError(f"{name} has a key of {len(alice)} outcomes; at most {_MOST_OUTCOMES} can be checked.")
    bits = _bits([_expand(scenario, (effect,)) for effect in alice])
    y = None
    if figure["y"] is not None:
        y = _integer(figure["y"], 0, len(scenario.outcomes[1]) - 1, f"{name}.y")
        bob = scenario.effects(1, y)
        if len(alice) * len(bob) > _MOST_OUTCOMES:
            raise CertificateError(f"{name} has more than {_MOST_OUTCOMES} pairs of outcomes; they are too many.")
        for effect in alice:
            bits += _bits([_expand(scenario, (effect, other)) for other in bob])
    flips = _number(figure["preprocessing"], f"{name}.preprocessing")
    if not 0 <= flips <= _HALF or (flips and (figure["y"] is not None or len(alice) != 2)):
        raise CertificateError(
            f"{name}.preprocessing is {_show(figure['preprocessing'])}; a probability from 0 to 1/2 is expected, and 0 "
            "for any other key than one bit of Alice's."
        )
    return x, y, bits, flips


def _bits(effects: list[Tensor]) -> list[tuple[Tensor, Tensor, Tensor]]:
    if len(effects) == 1:
        return []
    half = len(effects) - len(effects) // 2
    first, rest = effects[:half], effects[half:]
    return [(_total(effects), _total(first), _total(rest)), *_bits(first), *_bits(rest)]


def _read_observed(entry: Any, scenario: _Scenario) -> _Observed:
    """The tested expressions, their values and tolerances, in normal form."""
    observed = _Observed()
    origin = (0,) * len(scenario.outcomes)
    for j, item in enumerate(_list(entry, "question.observed")):
        name = f"question.observed[{j}]"
        item = _keys(item, ("coefficients", "value", "tolerance"), name)
        tensor = _tensor(item["coefficients"], scenario.shape, f"{name}.coefficients")
        value, tolerance = _number(item["value"], f"{name}.value"), _number(item["tolerance"], f"{name}.tolerance")
        if tolerance < 0:
            raise CertificateError(f"{name}.tolerance is {_show(item['tolerance'])}; it must be >= 0.")
        shift = tensor.pop(origin, _ZERO)
        scale = _power_below(max(map(abs, tensor.values()))) if tensor else _ONE
        observed.tensors.append({index: c / scale for index, c in tensor.items()})
        observed.values.append(_sized((value - shift) / scale, f"{name}.value"))
        observed.tolerances.append(_sized(tolerance / scale, f"{name}.tolerance"))
        observed.shifts.append(shift)
        observed.scales.append(scale)
    name = "question.observed"
    _common_denominator((value for tensor in observed.tensors for value in tensor.values()), name)
    _common_denominator(observed.values + observed.tolerances, name)
    _common_denominator(observed.shifts + observed.scales, name)
    return observed


def _power_below(value: Fraction) -> Fraction:
    """The largest power of two that is not above a positive number."""
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    power = Fraction(2) ** exponent
    return power if power <= value else power / 2


def _sized(value: Fraction, name: str) -> Fraction:
    """A number of the normal form, refused where no honest question has it."""
    if abs(value) > _LARGEST_NORMAL:
        raise CertificateError(
            f"{name} is {float(value):.3g} in units of its expression's coefficients; numbers beyond 2^64 are refused."
        )
    return value


def _read_scenario(entry: Any) -> _Scenario:
    name = "question.scenario.outcomes"
    rows = []
    for party, row in enumerate(_list(_keys(entry, ("outcomes",), "question.scenario")["outcomes"], name)):
        counts = _list(row, f"{name}[{party}]")
        rows.append(tuple(_integer(d, 1, _LARGEST_TENSOR, f"{name}[{party}][{x}]") for x, d in enumerate(counts)))
    if not 1 <= len(rows) <= _MOST_PARTIES or not all(rows):
        raise CertificateError(f"{name} is {_show(rows)}; 1 to {_MOST_PARTIES} parties with settings are needed.")
    # Every outcome is an effect, so this bounds the coordinates, the probabilities and the copies alike.
    if math.prod(1 + sum(row) for row in rows) > _LARGEST_TENSOR:
        raise CertificateError(f"{name} is {_show(rows)}; the scenario is too large to check.")
    return _Scenario(tuple(rows))


def _read_model(entry: Any) -> str:
    kind = _kind(entry, "question.model", ("quantum", "no-signaling", "local"))
    _keys(entry, ("kind", "level") if kind == "quantum" else ("kind",), "question.model")
    if kind == "quantum":
        _string(entry["level"], "question.model.level")
    return kind


def _expand(scenario: _Scenario, effects: Sequence[Mapping[int, Fraction]]) -> Tensor:
    """Product of one effect of each of the first parties."""
    rest = len(scenario.outcomes) - len(effects)
    tensor: Tensor = {}
    for terms in product(*(effect.items() for effect in effects)):
        tensor[tuple(index for index, _ in terms) + (0,) * rest] = math.prod((value for _, value in terms), start=_ONE)
    return tensor


def _total(tensors: Iterable[Tensor]) -> Tensor:
    total: Tensor = {}
    for tensor in tensors:
        for index, value in tensor.items():
            total[index] = total.get(index, _ZERO) + value
    return total


def _agreement(scenario: _Scenario, x: int) -> Tensor:
    """sum_a P_{a|x} K_a, with K the last setting of party 1."""
    last = len(scenario.outcomes[1]) - 1
    return _total(
        _expand(scenario, pair) for pair in zip(scenario.effects(0, x), scenario.effects(1, last), strict=True)
    )


def _pair_objectives(scenario: _Scenario, model: str, x: int, y: int, blind: bool, name: str) -> list[Tensor]:
    """Objectives of the global guess, or of the blind guess as one copy for each map from Bob's outcomes to guesses."""
    alice, bob = scenario.effects(0, x), scenario.effects(1, y)
    # Compare the exponent first: a hostile scenario must not make us compute a huge power.
    copies = len(alice) ** min(len(bob), 64) if blind else len(alice) * len(bob)
    if copies > _MOST_COPIES:
        raise CertificateError(f"{name} needs one copy for each guess; more than {_MOST_COPIES} are too many to check.")
    _require_work(scenario, model, copies)
    if not blind:
        return [_expand(scenario, pair) for pair in product(alice, bob)]
    return [
        _total(_expand(scenario, (alice[e // len(alice) ** b % len(alice)], effect)) for b, effect in enumerate(bob))
        for e in range(copies)
    ]


# --- the proof -----------------------------------------------------------------------------------------------------


def _charges(question: _Question, multipliers: list[Fraction], entry: Any) -> Iterator[Fraction]:
    """The constants kappa_e of the copies."""
    name = "proof.copies"
    copies = _list(entry, name)
    expected = 0 if question.model == "local" else len(question.objectives)
    if len(copies) != expected:
        raise CertificateError(
            f"{name} has {len(copies)} entries; {question.kind} ({question.model}) needs {expected}."
        )
    tested = question.observed.combined([-m for m in multipliers])
    linear = (_total((objective, tested)) for objective in question.objectives)
    if question.model == "local":
        yield from _local_charges(question.scenario, list(linear))
    elif question.model == "quantum":
        algebra = _Algebra(question.scenario, question.commuting)
        for e, (functional, copy) in enumerate(zip(linear, copies, strict=True)):
            yield _charge(_quantum_residual(algebra, functional, copy, f"{name}[{e}]"))
    else:
        for e, (functional, copy) in enumerate(zip(linear, copies, strict=True)):
            yield _charge(_no_signaling_residual(question.scenario, functional, copy, f"{name}[{e}]"))


def _charge(residual: Residual) -> Fraction:
    """kappa = R[1] + sum_{w != 1} |R[w]|; the identity is the word without letters, the coordinates all zero."""
    numerators, denominator = residual
    total = sum(value if not any(word) else abs(value) for word, value in numerators.items())
    return Fraction(total, denominator)


class _Algebra:
    """Words of all parties. Rules: O O = 1, P_a P_a = P_a, P_a P_b = 0 within a setting; parties commute.

    `commuting` names for a party two settings whose letters commute with each other.
    """

    def __init__(self, scenario: _Scenario, commuting: Mapping[int, frozenset[int]]) -> None:
        self.shape = scenario.shape
        self._setting: list[list[int]] = []
        self._observable: list[list[bool]] = []
        for party, outcomes in enumerate(scenario.outcomes):
            settings = [-1]
            for setting, letters in enumerate(scenario.letters(party)):
                settings += [setting] * len(letters)
            self._setting.append(settings)
            self._observable.append([setting >= 0 and outcomes[setting] == 2 for setting in settings])
        self._commuting = [commuting.get(party, frozenset()) for party in range(len(scenario.outcomes))]
        self._products: dict[tuple[int, PartyWord, PartyWord], tuple[PartyWord, PartyWord] | None] = {}

    def reduce(self, party: int, letters: Iterable[int]) -> PartyWord | None:
        """Normal form of a word of one party, None if it is zero.

        A stack machine: the stack is always reduced and in normal form. A new letter looks past the letters that
        commute with it for one of its own setting, to merge with; removing or keeping that one leaves a normal form.
        In a reduced stack, letters of the two commuting settings that touch are at most one of each, so sorting the
        touching pairs gives a unique form.
        """
        setting, observable, commuting = self._setting[party], self._observable[party], self._commuting[party]
        stack: list[int] = []
        for letter in letters:
            own = setting[letter]
            place = len(stack)
            if own in commuting:
                while place and setting[stack[place - 1]] != own and setting[stack[place - 1]] in commuting:
                    place -= 1
            if not place or setting[stack[place - 1]] != own:
                end = len(stack)
                while end > place and stack[end - 1] > letter:
                    end -= 1
                stack.insert(end, letter)
            elif stack[place - 1] != letter:
                return None
            elif observable[letter]:
                del stack[place - 1]
        return tuple(stack)

    def setting_of(self, party: int, letter: int) -> int:
        return self._setting[party][letter]

    def is_observable(self, party: int, letter: int) -> bool:
        return self._observable[party][letter]

    def first_letter(self, party: int, setting: int) -> int:
        """The first letter of a setting, which must have one."""
        return self._setting[party].index(setting)

    def forget(self, most: int) -> None:
        """Drop the remembered products if there are more than `most`."""
        if len(self._products) > most:
            self._products.clear()

    def product(self, left: Word, right: Word) -> Word | None:
        """left^dagger right or its adjoint, whichever is smaller; None if it is zero."""
        word, adjoint = [], []
        for party, pair in enumerate(zip(left, right, strict=True)):
            key = (party, *pair)
            if key not in self._products:
                reduced = self.reduce(party, (*reversed(pair[0]), *pair[1]))
                turned = None if reduced is None else self.reduce(party, reversed(reduced))
                self._products[key] = None if reduced is None or turned is None else (reduced, turned)
            entry = self._products[key]
            if entry is None:
                return None
            word.append(entry[0])
            adjoint.append(entry[1])
        return min(tuple(word), tuple(adjoint))


def _read_words(algebra: _Algebra, entry: Any, name: str) -> list[Word]:
    words = _list(entry, name)
    if len(words) > _MOST_WORDS:
        raise CertificateError(f"{name} has {len(words)} words; at most {_MOST_WORDS} can be checked.")
    result = []
    for u, word in enumerate(words):
        parts = _list(word, f"{name}[{u}]", length=len(algebra.shape))
        letters = []
        for party, part in enumerate(parts):
            label = f"{name}[{u}][{party}]"
            part = _list(part, label)
            if len(part) > _LONGEST_WORD:
                raise CertificateError(f"{label} has {len(part)} letters; at most {_LONGEST_WORD} can be checked.")
            letters.append(tuple(_integer(letter, 1, algebra.shape[party] - 1, label) for letter in part))
        result.append(tuple(letters))
    return result


def _quantum_residual(algebra: _Algebra, linear: Tensor, entry: Any, name: str) -> Residual:
    """linear + sum_uv (L L^T)_uv w_u^dagger w_v, exactly."""
    copy = _keys(entry, ("words", "factor"), name)
    words = _read_words(algebra, copy["words"], f"{name}.words")
    return _sum_residuals([_as_residual(linear), _squares(algebra, words, copy["factor"], f"{name}.factor")])


def _no_signaling_residual(scenario: _Scenario, linear: Tensor, entry: Any, name: str) -> Residual:
    """linear + sum of weight * probability, the effects of party 0 being the slowest index of the weights."""
    copy = _keys(entry, ("weights",), name)
    tables = []
    for party, outcomes in enumerate(scenario.outcomes):
        tables.append([effect for setting in range(len(outcomes)) for effect in scenario.effects(party, setting)])
    weights = _numbers(copy["weights"], f"{name}.weights", length=math.prod(map(len, tables)))
    if any(weight < 0 for weight in weights):
        j = next(j for j, weight in enumerate(weights) if weight < 0)
        raise CertificateError(f"{name}.weights[{j}] is {float(weights[j])!r}; a weight must be >= 0.")
    scale = _common_denominator(weights, f"{name}.weights")
    current = [weight.numerator * (scale // weight.denominator) for weight in weights]
    # Each turn replaces the fastest axis (effects of a party) by its coordinates, as the slowest axis. Twice an
    # effect has whole coefficients.
    for table, width in zip(reversed(tables), reversed(scenario.shape), strict=True):
        blocks = len(current) // len(table)
        turned = [0] * (width * blocks)
        for f, effect in enumerate(table):
            column = current[f :: len(table)]
            for letter, value in effect.items():
                factor, start = int(2 * value), letter * blocks
                for block, weight in enumerate(column, start):
                    turned[block] += factor * weight
        current = turned
    scale *= 2 ** len(tables)

    numerators, denominator = _integers(linear)
    residual = {
        index: denominator * value + scale * numerators.get(index, 0)
        for index, value in zip(product(*map(range, scenario.shape)), current, strict=True)
    }
    return residual, denominator * scale


def _local_charges(scenario: _Scenario, functionals: list[Tensor]) -> Iterator[Fraction]:
    """Exact maximum of each functional over all deterministic strategies."""
    parties = range(len(scenario.outcomes))
    strategies = [math.prod(scenario.outcomes[party]) for party in parties]
    last = max(parties, key=lambda party: strategies[party])
    order = [*(party for party in parties if party != last), last]
    # For each party but the last, a strategy picks one option of each setting: signed coordinates to be added up.
    choices: list[list[list[tuple[tuple[int, int], ...]]]] = []
    for party in order[:-1]:
        rows: list[list[tuple[tuple[int, int], ...]]] = []
        for outcomes, letters in zip(scenario.outcomes[party], scenario.letters(party), strict=True):
            if outcomes == 2:
                rows.append([((letters[0], 1),), ((letters[0], -1),)])
            elif outcomes > 2:
                nothing: tuple[tuple[int, int], ...] = ()
                rows.append([*(((letter, 1),) for letter in letters), nothing])
        choices.append(rows)
    answers = [
        (outcomes == 2, letters)
        for outcomes, letters in zip(scenario.outcomes[last], scenario.letters(last), strict=True)
        if letters
    ]

    def best(tensor: list[int], depth: int) -> int:
        """Maximum over the strategies of the parties order[depth:], of a tensor with those axes."""
        if depth == len(order) - 1:
            total = tensor[0]
            for binary, letters in answers:
                total += abs(tensor[letters[0]]) if binary else max(0, *tensor[letters.start : letters.stop])
            return total
        width = len(tensor) // scenario.shape[order[depth]]
        slices = [tensor[start : start + width] for start in range(0, len(tensor), width)]

        def respond(partial: list[int], setting: int) -> int:
            if setting == len(choices[depth]):
                return best(partial, depth + 1)
            found = []
            for option in choices[depth][setting]:
                added = partial
                for letter, sign in option:
                    pairs = zip(added, slices[letter], strict=True)
                    added = [a + b for a, b in pairs] if sign > 0 else [a - b for a, b in pairs]
                found.append(respond(added, setting + 1))
            return max(found)

        return respond(slices[0], 0)

    for functional in functionals:
        numerators, denominator = _integers(functional)
        dense = []
        for index in product(*(range(scenario.shape[party]) for party in order)):
            place = dict(zip(order, index, strict=True))
            dense.append(numerators.get(tuple(place[party] for party in parties), 0))
        yield Fraction(best(dense, 0), denominator)


def _entropy_charge(question: _Question, multipliers: list[Fraction], proof: Mapping[str, Any]) -> Fraction:
    """A number mu with -entropy <= mu + sum_j multipliers_j observed_j . v for every quantum behaviour v."""
    nodes = [_number(t, f"proof.nodes[{i}]") for i, t in enumerate(_list(proof["nodes"], "proof.nodes"))]
    rising = all(a < b for a, b in zip([_ZERO, *nodes], nodes, strict=False))
    if not 1 <= len(nodes) <= _MOST_NODES or not rising or nodes[-1] != _HALF:
        raise CertificateError(
            f"proof.nodes is {_show(proof['nodes'])}; 1 to {_MOST_NODES} rising numbers above 0 are expected, and "
            "the last is 1/2."
        )
    weights = _weights(nodes, question.flips)
    algebra = _Algebra(question.scenario, {})
    words = _read_words(algebra, proof["words"], "proof.words")
    tensors = [(whole, part) for whole, *parts in question.bits for part in parts]
    copies = _list(proof["copies"], "proof.copies", length=len(nodes) * len(tensors))
    _require_triangle(proof["factor"], len(words), "proof.factor")

    charge = _ZERO
    outside: list[Residual] = []
    for k, copy in enumerate(copies):
        name = f"proof.copies[{k}]"
        copy = _keys(copy, ("inner", "outer"), name)
        weight, node = weights[k // len(tensors)], nodes[k // len(tensors)]
        whole, part = tensors[k % len(tensors)]
        outer = _squares(algebra, words, copy["outer"], f"{name}.outer")
        linear = _total(
            (
                {index: weight * node * value for index, value in whole.items()},
                {index: -weight * value for index, value in part.items()},
            )
        )
        residual = _sum_residuals(
            [
                _as_residual(linear),
                _squares(algebra, words, copy["inner"], f"{name}.inner"),
                ({word: -value for word, value in outer[0].items()}, outer[1]),
            ]
        )
        charge += max(_ZERO, _charge(residual))
        outside.append(outer)
    shared = _total(
        [
            *({index: -value for index, value in whole.items()} for whole, *_ in question.bits),
            question.observed.combined([-m for m in multipliers]),
        ]
    )
    square = _squares(algebra, words, proof["factor"], "proof.factor")
    return charge + _charge(_sum_residuals([_as_residual(shared), square, *outside]))


def _weights(nodes: Sequence[Fraction], flips: Fraction) -> list[Fraction]:
    """Floats that are not below the weights of the nodes, see the module docstring.

    The tent of a node, rising over [a, b] or falling, is integrated against 1/u and, with v = 1 - u, against 1/v:
    integral of (u-a)/(b-a)/u = 1 - a/(b-a) ln(b/a), of (b-u)/(b-a)/u = b/(b-a) ln(b/a) - 1.
    """
    slope = 1 - 2 * flips
    if not slope:
        return [_ZERO] * len(nodes)
    places = [flips + slope * t for t in (_ZERO, *nodes)]

    def logarithm(a: Fraction, b: Fraction) -> flint.arb:
        return _ball(b / a).log() / _ball(b - a)

    weights = []
    with flint.ctx.workprec(_PRECISION):
        for i, b in enumerate(places[1:], 1):
            a = places[i - 1]
            total = flint.arb(1) if a == 0 else 1 - _ball(a) * logarithm(a, b)
            total += _ball(1 - a) * logarithm(1 - b, 1 - a) - 1
            if i + 1 < len(places):
                c = places[i + 1]
                total += _ball(c) * logarithm(b, c) - 1
                total += 1 - _ball(1 - c) * logarithm(1 - c, 1 - b)
            weights.append(Fraction(_rounded(-_lower(-total * _ball(slope) / flint.arb(2).log()), up=True)))
    return weights


def _squares(algebra: _Algebra, words: list[Word], entry: Any, name: str) -> Residual:
    """sum_uv (L L^T)_uv w_u^dagger w_v, exactly."""
    algebra.forget(_MOST_PRODUCTS)
    scale, gram = _gram(entry, len(words), name)
    squares: dict[Word, int] = {}
    for v, right in enumerate(words):
        for u, left in enumerate(words[: v + 1]):
            value = int(gram[u, v])
            if value and (word := algebra.product(left, right)) is not None:
                # (u, v) and (v, u) are adjoint to each other, so they meet in the same word.
                squares[word] = squares.get(word, 0) + (value if u == v else 2 * value)
    return squares, scale * scale


def _require_triangle(entry: Any, size: int, name: str) -> None:
    """Refuse what has not the rows of a lower triangular matrix."""
    for i, row in enumerate(_list(entry, name, length=size)):
        _list(row, f"{name}[{i}]", length=i + 1)


def _gram(entry: Any, size: int, name: str) -> tuple[int, flint.fmpz_mat]:
    """A number s and the matrix s^2 L L^T of integers, L lower triangular."""
    _require_triangle(entry, size, name)
    rows = [_numbers(row, f"{name}[{i}]", length=i + 1) for i, row in enumerate(entry)]
    scale = _common_denominator((value for row in rows for value in row), name)
    flat = []
    for row in rows:
        flat += [value.numerator * (scale // value.denominator) for value in row] + [0] * (size - len(row))
    triangle = flint.fmpz_mat(size, size, flat)
    return scale, triangle * triangle.transpose()


def _as_residual(tensor: Tensor) -> Residual:
    numerators, denominator = _integers(tensor)
    return {tuple((letter,) if letter else () for letter in index): v for index, v in numerators.items()}, denominator


def _sum_residuals(parts: Sequence[Residual]) -> Residual:
    common = math.lcm(*(denominator for _, denominator in parts))
    if common.bit_length() > 4 * _LARGEST_DENOMINATOR:
        raise CertificateError("The factors of the proof need a common denominator of too many digits; round them.")
    total: dict[Any, int] = {}
    for numerators, denominator in parts:
        factor = common // denominator
        for word, value in numerators.items():
            total[word] = total.get(word, 0) + factor * value
    return total, common


# --- the claim -----------------------------------------------------------------------------------------------------

Conclusion = tuple[Fraction, tuple[float, tuple[float, ...]], list[str]]  # bound, functional, faults of the claim


def _conclude_affine(
    question: _Question, multipliers: list[Fraction], charge: Fraction, constant: Fraction, slopes: list[Fraction]
) -> Conclusion:
    """Bound on the data, affine functional, and what the claimed functional has beyond it.

    Multipliers are those of the normal forms; `constant` and `slopes` are the claim of the file, and so is the answer.
    """
    observed = question.observed
    upper = question.side == "upper"
    sign = 1 if upper else -1
    bound = sign * _on_data(observed, multipliers, charge)
    exact = [sign * multiplier for multiplier in multipliers]

    def weakest(candidates: Sequence[Fraction]) -> Fraction:
        """Constant that makes the functional with these multipliers of the file follow from the proven one."""
        moved = zip(observed.scaled(candidates), exact, observed.limits, strict=True)
        needed = sign * (charge + sum((abs(a - b) * limit for a, b, limit in moved), _ZERO))
        return needed - observed.shift(candidates)

    floats = tuple(map(_nearest, observed.unscaled(exact)))
    proven = _rounded(weakest([Fraction(slope) for slope in floats]), up=upper)
    faults = []
    for j, (claimed, slope) in enumerate(zip(slopes, observed.unscaled(exact), strict=True)):
        if abs(claimed - slope) > _MULTIPLIER_TOLERANCE * abs(slope):
            faults.append(_slope_fault(j, claimed, _nearest(slope)))
    needed = weakest(slopes)
    if not faults and sign * (constant - needed) < 0:
        faults.append(_constant_fault(constant, _rounded(needed, up=upper)))
    return bound, (proven, floats), faults


def _conclude_entropy(
    question: _Question, multipliers: list[Fraction], charge: Fraction, constant: Fraction, slopes: list[Fraction]
) -> Conclusion:
    """The same for -log2 of the bound on the guessing probability, with balls that contain the true numbers."""
    observed = question.observed
    bound = _on_data(observed, multipliers, charge)
    centre = sum((a * b for a, b in zip(multipliers, observed.values, strict=True)), charge)
    if bound <= 0 or centre <= 0:
        raise CertificateError(
            "The proof bounds the guessing probability by a number <= 0 on the data or their central values, which "
            "are then outside the set: a statement of the kind separation and not a min-entropy."
        )
    with flint.ctx.workprec(_PRECISION):
        entropy = _lower(-_log2(bound))
        touching = 1 / (_ball(centre) * flint.arb(2).log())

        def weakest(candidates: Sequence[Fraction], t: Fraction | None) -> Fraction:
            """Constant that makes the functional with these multipliers follow; t None for the tangent at f0."""
            if t is None:  # written so that a whole number of bits without multipliers stays exact
                steepness = touching
                total = -_log2(centre) + _ball(centre - charge) * touching
            else:
                steepness = _ball(t)
                ln2 = flint.arb(2).log()
                total = ((steepness * ln2).log() + 1) / ln2 - steepness * _ball(charge)
            for claimed, multiplier, limit in zip(
                observed.scaled(candidates), multipliers, observed.limits, strict=True
            ):
                total -= abs(_ball(claimed) + steepness * _ball(multiplier)) * _ball(limit)
            return _lower(total) - observed.shift(candidates)

        scaled = [_lower(-touching * _ball(multiplier)) for multiplier in multipliers]
        floats = tuple(map(_nearest, observed.unscaled(scaled)))
        proven = _rounded(weakest([Fraction(slope) for slope in floats], None), up=False)
        own = observed.scaled(slopes)
        t = _best_tangent(multipliers, own, observed.limits, charge)
        needed = weakest(slopes, t)
        faults = []
        if constant > needed:
            for j, (claimed, multiplier) in enumerate(zip(own, multipliers, strict=True)):
                scale = abs(multiplier) * (_lower(touching) if t is None else t)
                if abs(abs(claimed) - scale) > Fraction(1, 10**6) * scale or claimed * multiplier > 0:
                    faults.append(_slope_fault(j, slopes[j], floats[j]))
            faults = faults or [_constant_fault(constant, _rounded(needed, up=False))]
    return entropy, (proven, floats), faults


def _best_tangent(
    multipliers: Sequence[Fraction], slopes: Sequence[Fraction], limits: Sequence[Fraction], charge: Fraction
) -> Fraction | None:
    """The t > 0 that proves most about a functional with these slopes; None if no slope fits any t.

    The constant proven is concave in t, with a kink wherever one of the slopes fits, b_j = -t lambda_j. Slopes that
    were rounded fit at almost the same t; at the best of these kinks the derivative of the constant changes sign.
    """
    kinks = sorted(
        (-slope / multiplier, abs(multiplier) * limit)
        for multiplier, slope, limit in zip(multipliers, slopes, limits, strict=True)
        if multiplier and limit and -slope / multiplier > 0
    )
    above = sum((weight for _, weight in kinks), _ZERO)
    below = sum((abs(m) * limit for m, limit in zip(multipliers, limits, strict=True)), _ZERO) - above
    for t, weight in kinks:
        above -= weight
        below += weight
        derivative = 1 / (_ball(t) * flint.arb(2).log()) + _ball(above - below - charge)
        if not derivative > 0:
            return t
    return kinks[-1][0] if kinks else None


def _on_data(observed: _Observed, multipliers: list[Fraction], charge: Fraction) -> Fraction:
    """mu + sum_j (lambda_j value_j + |lambda_j| tolerance_j)."""
    terms = zip(multipliers, observed.values, observed.tolerances, strict=True)
    return sum((m * value + abs(m) * tolerance for m, value, tolerance in terms), charge)


def _slope_fault(j: int, claimed: Fraction, proven: float) -> str:
    return f"claim.functional.multipliers[{j}] is {_nearest(claimed)!r}, the recomputed one {proven!r}"


def _constant_fault(claimed: Fraction, needed: float) -> str:
    return f"claim.functional.constant is {float(claimed)!r}, the recomputed one {needed!r}"


# --- closed forms --------------------------------------------------------------------------------------------------

SelfTested = tuple[str, dict[tuple[int, int], flint.arb]]  # by which criterion, and the correlators of the settings


def _verify_closed_form(root: Mapping[str, Any], strict: bool) -> Verification:
    """The entropy of data at a self-test, and whether the claim is one of it; see the module docstring."""
    from sdpbound.verify_trials import out_of_range, try_value  # it uses this module's reading

    question = _keys(root["question"], ("scenario", "figure", "side", "observed"), "question")
    if isinstance(question["figure"], Mapping) and question["figure"].get("kind") == "conditional_entropy":
        from sdpbound.verify_closed_entropy import verify_closed_entropy

        return verify_closed_entropy(root, strict)
    scenario = _read_scenario(question["scenario"])
    if scenario.outcomes != ((2, 2), (2, 2)):
        raise CertificateError(
            f"question.scenario.outcomes is {_show(scenario.outcomes)}; closed forms are about [[2, 2], [2, 2]]."
        )
    name = "question.figure"
    _kind(question["figure"], name, ("entropy",))
    figure = _keys(question["figure"], ("kind", "x", "y", "blind"), name)
    x = _integer(figure["x"], 0, 1, f"{name}.x")
    y = None if figure["y"] is None else _integer(figure["y"], 0, 1, f"{name}.y")
    blind = figure["blind"]
    if not isinstance(blind, bool):
        raise CertificateError(f"{name}.blind is {_show(blind)}; true or false is expected.")
    if blind and y is None:
        raise CertificateError(f"{name} is blind and has no y; Bob's setting is needed.")
    if question["side"] != "lower":
        raise CertificateError(f"question.side is {_show(question['side'])}; for entropy it must be lower.")
    observed = _read_observed(question["observed"], scenario)
    for j, (tolerance, scale) in enumerate(zip(observed.tolerances, observed.scales, strict=True)):
        if tolerance * scale > _SELF_TEST_TOLERANCE:
            raise CertificateError(
                f"question.observed[{j}].tolerance is {float(tolerance * scale)!r}; data that are known no better than "
                f"{float(_SELF_TEST_TOLERANCE)!r} are not at a self-test."
            )
    claimed = _number(_keys(root["claim"], ("value",), "claim")["value"], "claim.value")

    what = f"H(A|x={x},E)" if y is None else f"H({'A' if blind else 'AB'}|x={x},y={y},{'B,' if blind else ''}E)"
    with flint.ctx.workprec(_PRECISION):
        how, correlators = _self_test(observed)
        if y is None:
            entropy = most = flint.arb(1)
        else:
            size = abs(correlators[x, y])
            rest = (size - _ball(_CORRELATOR_SLACK)).max(flint.arb(0))
            entropy, most = (_binary_entropy(modulus) + (0 if blind else 1) for modulus in (size, rest))
        value = _rounded(_lower(entropy), up=False)
        # A claim holds where it is certainly not above the entropy with the slack.
        holds = claimed <= value or bool(_ball(claimed) <= most)
        beyond = out_of_range(claimed, "lower", flint.arb(0), flint.arb(2 if y is not None and not blind else 1), what)
    holds = holds and not beyond
    near = f"For data exactly at the self-test that agrees with the tested ones within the tolerance ({how})"
    if holds:
        if not blind:
            asked = _Question(scenario, {}, "conditional_entropy", "lower", "quantum", [], observed, x, y)
            try_value(asked, claimed - _CORRELATOR_SLACK)
        message = f"{near}, {what} is {value!r}, as claimed ({float(claimed)!r})."
    else:
        message = (
            f"The certificate does not prove its claim. {near}, {what} is {value!r}; {float(claimed)!r} is claimed"
            f"{'; '.join(['', *beyond])}."
        )
        if strict:
            raise CertificateError(message)
    return Verification(
        value=value,
        claimed=_rounded(claimed, up=False),
        side="lower",
        figure="entropy",
        model="quantum",
        holds=holds,
        functional=None,
        message=message,
    )


def _binary_entropy(modulus: flint.arb) -> flint.arb:
    """h((1 + E)/2) in bits for 0 <= E <= 1; exact at 0 and 1."""
    if modulus == 0:
        return flint.arb(1)
    first, second = (1 + modulus) / 2, (1 - modulus) / 2
    total = -first * first.log()
    if second > 0:
        total -= second * second.log()
    elif second == 0:
        pass
    else:  # not known to be positive; -p log p rises from 0 to its largest value, below 0.4, at 1/e
        top = second.upper()
        total += flint.arb(0).union(-top * top.log() if 0 < top < flint.arb("0.3") else flint.arb("0.4"))
    return total / flint.arb(2).log()


def _self_test(observed: _Observed) -> SelfTested:
    """What the data self-test. One tested expression at its maximum is enough, whatever else is tested."""
    single: dict[Index, Fraction] = {}
    tests = zip(observed.tensors, observed.values, observed.tolerances, strict=True)
    for j, (tensor, value, tolerance) in enumerate(tests):
        found = _self_test_by_value(tensor, value, tolerance)
        if found is not None:
            return f"question.observed[{j}] has its quantum maximum", found
        if len(tensor) == 1:
            ((index, coefficient),) = tensor.items()
            if coefficient == 1 and tolerance <= _SELF_TEST_TOLERANCE:
                single[index] = value
    marginals = [value for index, value in single.items() if not all(index)]
    table = {(i, j): single[i + 1, j + 1] for i in (0, 1) for j in (0, 1) if (i + 1, j + 1) in single}
    if len(table) == 4 and all(abs(value) <= _SELF_TEST_TOLERANCE for value in marginals) and _arcsine(table):
        return "the four correlators", {place: _ball(max(-_ONE, min(_ONE, e))) for place, e in table.items()}
    raise CertificateError(
        "The data prove no entropy: no tested expression has a quantum maximum that only the singlet has, and the four "
        "correlators, if given, satisfy no arcsine criterion with marginals 0."
    )


def _self_test_by_value(
    tensor: Tensor, value: Fraction, tolerance: Fraction
) -> dict[tuple[int, int], flint.arb] | None:
    """Correlators of the singlet strategy that alone has this value, if it is a maximum or minimum that self-tests.

    With t the cosine between Bob's settings, the maximum is that of f(t) = n_0 + n_1, n_x = |c_x0 + c_x1 exp(i angle)|,
    which is strictly concave: the root of f' is unique, and inside (-1, 1) exceeds the local values f(1), f(-1).
    """
    if not all(map(all, tensor)):
        return None  # it has marginals
    c = {(i, j): tensor.get((i + 1, j + 1), _ZERO) for i in (0, 1) for j in (0, 1)}
    if not math.prod(c.values(), start=_ONE) < 0:
        return None
    squares = [c[i, 0] ** 2 + c[i, 1] ** 2 for i in (0, 1)]
    b, d = (2 * c[i, 0] * c[i, 1] for i in (0, 1))
    t = (d * d * squares[0] - b * b * squares[1]) / (b * d * (b - d))
    if not -1 < t < 1:
        return None
    norms = [_ball(squares[0] + b * t).sqrt(), _ball(squares[1] + d * t).sqrt()]
    allowed = max(tolerance, _SELF_TEST_TOLERANCE * sum(map(abs, c.values()), _ZERO))
    local = max(sum((abs(c[i, 0] + sign * c[i, 1]) for i in (0, 1)), _ZERO) for sign in (1, -1))
    if not norms[0] + norms[1] - _ball(local) > _ball(_GAP_FACTOR * allowed):
        return None  # the data fit a local behaviour as well
    if not abs(_ball(abs(value)) - (norms[0] + norms[1])) <= _ball(allowed):
        return None
    sign = 1 if value > 0 else -1
    correlators = {}
    for i in (0, 1):
        correlators[i, 0] = sign * _ball(c[i, 0] + c[i, 1] * t) / norms[i]
        correlators[i, 1] = sign * _ball(c[i, 0] * t + c[i, 1]) / norms[i]
    return correlators


def _arcsine(table: Mapping[tuple[int, int], Fraction]) -> bool:
    """Whether correlators within the tolerance of these self-test the singlet, by the criterion of arXiv:1511.04886.

    Three arcsines minus the fourth are +-pi, and at most one correlator is +-1. The left side is continuous and
    monotonic in each correlator: on the box of the tolerance it takes every value between its ends.
    """
    if sum(abs(e) >= 1 - _SELF_TEST_TOLERANCE for e in table.values()) > 1:
        return False
    if any(abs(e) > 1 + _SELF_TEST_TOLERANCE for e in table.values()):
        return False
    chsh = max(abs(sum(table.values(), _ZERO) - 2 * e) for e in table.values())
    if not chsh - 2 > 4 * _GAP_FACTOR * _SELF_TEST_TOLERANCE:
        return False  # the data fit a local behaviour as well
    low, high = (
        {place: _ball(max(-_ONE, min(_ONE, e + shift))).asin() for place, e in table.items()}
        for shift in (-_SELF_TEST_TOLERANCE, _SELF_TEST_TOLERANCE)
    )
    pi = flint.arb.pi()
    for odd in table:
        least = sum((low[place] for place in table if place != odd), -high[odd])
        most = sum((high[place] for place in table if place != odd), -low[odd])
        if (least <= pi and pi <= most) or (least <= -pi and -pi <= most):
            return True
    return False


# --- numbers -------------------------------------------------------------------------------------------------------


def _rounded(value: Fraction, *, up: bool) -> float:
    """The closest float that is not below (`up`) or not above the exact value."""
    nearest = _nearest(value)
    if up and Fraction(nearest) < value:
        nearest = math.nextafter(nearest, math.inf)
    elif not up and Fraction(nearest) > value:
        nearest = math.nextafter(nearest, -math.inf)
    if not math.isfinite(nearest):
        raise CertificateError("The recomputed bound is beyond the range of floats; the proof has absurd numbers.")
    return nearest


def _nearest(value: Fraction) -> float:
    try:
        return value.numerator / value.denominator
    except OverflowError:
        raise CertificateError("A recomputed number is beyond the range of floats; the proof is absurd.") from None


def _ball(value: Fraction) -> flint.arb:
    return flint.arb(flint.fmpq(value.numerator, value.denominator))


def _lower(ball: flint.arb) -> Fraction:
    """Lower end of a ball, as an exact number."""
    if not ball.is_finite():
        raise CertificateError("A recomputed number is not known at all; the proof has absurd numbers.")
    mantissa, exponent = (int(part) for part in ball.lower().man_exp())
    if abs(exponent) > 10 * _LARGEST_DENOMINATOR:
        raise CertificateError("A recomputed number is beyond the range of floats; the proof has absurd numbers.")
    return Fraction(mantissa) * Fraction(2) ** exponent


def _log2(value: Fraction) -> flint.arb:
    """Base-2 logarithm; exact for a power of two, where a ball would lose the last digit of a whole number."""
    top, bottom = value.numerator, value.denominator
    if top & (top - 1) == 0 and bottom & (bottom - 1) == 0:
        return flint.arb(top.bit_length() - bottom.bit_length())
    return _ball(value).log() / flint.arb(2).log()


def _common_denominator(values: Iterable[Fraction], name: str) -> int:
    common = 1
    for denominator in {value.denominator for value in values}:
        common = math.lcm(common, denominator)
        if common.bit_length() > _LARGEST_DENOMINATOR:
            raise CertificateError(f"The numbers of {name} need a common denominator of too many digits; round them.")
    return common


def _integers(tensor: Tensor) -> tuple[dict[Index, int], int]:
    """Numerators over one denominator; the limits on its parts were checked when they were read."""
    scale = math.lcm(*(value.denominator for value in tensor.values()))
    return {index: value.numerator * (scale // value.denominator) for index, value in tensor.items()}, scale


# --- reading -------------------------------------------------------------------------------------------------------


def _read(certificate: Mapping[str, Any] | str | os.PathLike[str]) -> Mapping[str, Any]:
    if isinstance(certificate, Mapping):
        return certificate
    if not isinstance(certificate, str | os.PathLike):
        raise CertificateError(f"A certificate is a dictionary or a path, not a {type(certificate).__name__}.")
    try:
        data = bytearray()
        with open(certificate, "rb") as file:
            while len(data) <= _LARGEST_FILE and (part := file.read(2**20)):  # no more memory than the file has bytes
                data += part
    except (OSError, ValueError) as error:
        raise CertificateError(f"The certificate {_show(certificate)} cannot be read: {error}.") from error
    if not data.strip():
        raise CertificateError(f"The certificate {_show(certificate)} is empty.")
    if len(data) > _LARGEST_FILE:
        raise CertificateError(f"The certificate {_show(certificate)} has more than {_LARGEST_FILE} bytes.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CertificateError(f"The certificate {_show(certificate)} is not UTF-8: {error}.") from error
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)
    except RecursionError:
        raise CertificateError(f"The certificate {_show(certificate)} is nested too deeply.") from None
    except ValueError as error:
        raise CertificateError(f"The certificate {_show(certificate)} is not JSON: {error}.") from error


def _refuse_constant(text: str) -> Any:
    raise CertificateError(f"The certificate contains {text}; numbers must be finite.")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        key = next(key for i, (key, _) in enumerate(pairs) if any(key == other for other, _ in pairs[:i]))
        raise CertificateError(f"The key {_show(key)} appears twice in one object of the certificate.")
    return entries


def _keys(entry: Any, expected: tuple[str, ...], name: str) -> Mapping[str, Any]:
    """An object with exactly the expected keys."""
    if not isinstance(entry, Mapping):
        raise CertificateError(f"{name} is {_show(entry)}; an object is expected.")
    for key in expected:
        if key not in entry:
            raise CertificateError(f"{name} has no entry {key!r}.")
    for key in entry:
        if key not in expected:
            raise CertificateError(f"{name} has an unknown entry {_show(key)}; it may have {', '.join(expected)}.")
    return entry


def _kind(entry: Any, name: str, known: tuple[str, ...]) -> str:
    if not isinstance(entry, Mapping):
        raise CertificateError(f"{name} is {_show(entry)}; an object is expected.")
    kind = entry.get("kind")
    if not isinstance(kind, str) or kind not in known:
        raise CertificateError(f"{name}.kind is {_show(kind)}; it must be one of {', '.join(known)}.")
    return kind


def _list(entry: Any, name: str, *, length: int | None = None) -> Sequence[Any]:
    if not isinstance(entry, list | tuple):
        raise CertificateError(f"{name} is {_show(entry)}; a list is expected.")
    if length is not None and len(entry) != length:
        raise CertificateError(f"{name} has {len(entry)} entries; {length} are needed.")
    return entry


def _string(entry: Any, name: str) -> None:
    if not isinstance(entry, str):
        raise CertificateError(f"{name} is {_show(entry)}; a string is expected.")


def _integer(entry: Any, low: int, high: int, name: str) -> int:
    if isinstance(entry, bool) or not isinstance(entry, int) or not low <= entry <= high:
        raise CertificateError(f"{name} has {_show(entry)}; an integer from {low} to {high} is expected.")
    return int(entry)


def _number(entry: Any, name: str) -> Fraction:
    """A float or an integer as it is, or a string "p/q"."""
    if isinstance(entry, bool) or not isinstance(entry, int | float | str):
        raise CertificateError(f"{name} is {_show(entry)}; a number or a string 'p/q' is expected.")
    if isinstance(entry, str):
        if len(entry) > _LONGEST_RATIONAL or not _RATIONAL.fullmatch(entry):
            raise CertificateError(f"{name} is {_show(entry)}; a number or a string 'p/q' is expected.")
        top, _, bottom = entry.partition("/")
        if bottom and not int(bottom):
            raise CertificateError(f"{name} is {_show(entry)}; its denominator is zero.")
        value = Fraction(int(top), int(bottom or 1))
    elif isinstance(entry, float) and not math.isfinite(entry):
        raise CertificateError(f"{name} is {_show(entry)}; numbers must be finite.")
    else:
        value = Fraction(float(entry) if isinstance(entry, float) else int(entry))
    if abs(value) > _LARGEST_NUMBER:
        raise CertificateError(f"{name} is {_show(entry)}; numbers beyond 2^200 in size are refused.")
    if value and abs(value) < _SMALLEST_NUMBER:
        raise CertificateError(f"{name} is {_show(entry)}; numbers below 2^-1074 in size, other than 0, are refused.")
    return value


def _numbers(entry: Any, name: str, *, length: int) -> list[Fraction]:
    return [_number(item, f"{name}[{i}]") for i, item in enumerate(_list(entry, name, length=length))]


def _tensor(entry: Any, shape: tuple[int, ...], name: str) -> Tensor:
    """A nested list of this shape, without its zeros."""
    tensor: Tensor = {}

    def walk(part: Any, index: Index, label: str) -> None:
        if len(index) == len(shape):
            if value := _number(part, label):
                tensor[index] = value
            return
        for i, item in enumerate(_list(part, label, length=shape[len(index)])):
            walk(item, (*index, i), f"{label}[{i}]")

    walk(entry, (), name)
    return tensor


def _show(value: Any) -> str:
    """Short text of a value that may be anything; a huge integer has no repr."""
    try:
        return reprlib.repr(value)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} too large to show"
