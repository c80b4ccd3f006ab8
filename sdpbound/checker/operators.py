"""Problems of operators: means of polynomials over all operators and states with stated properties.

Stated are letters with adjoints and rules (:mod:`sdpbound.checker.rewriting`), polynomials e that are 0, polynomials g
that are positive semidefinite, and intervals of means of polynomials m_j. A proof of an upper bound on ``<f>`` is the
identity ::

    f = sum_j l_j m_j - sum_uv G_uv u* v - sum_k sum_uv G^k_uv u* g_k v - sum c (left e right) + R

for positive matrices G, so that ``<f> <= sum_j max(l_j low_j, l_j high_j) + R[1] + sum_{w != 1} |R[w]| |w|``. A
matrix G is ``L L^T + E``: L any lower triangular one, E symmetric with ``E_ii >= sum_j |E_ij|``. The norm |w| of a
word is at most the product of those of its letters, where the rules bound them; no other word may be left
over. All of it is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from sdpbound.checker.claim import Verification
from sdpbound.checker.contradictions import refuse_contradictions, refuse_impossible_sizes
from sdpbound.checker.numbers import ONE, ZERO, common_denominator, nearest_float, rounded_float
from sdpbound.checker.reading import read_integer, read_keys, read_kind, read_list, read_number, read_numbers, shown
from sdpbound.checker.rewriting import Letters, Polynomial, read_letters, read_polynomial, read_word
from sdpbound.checker.words import gram_matrix
from sdpbound.errors import CertificateError

__all__ = ["verify_operators"]

_MOST_WORDS = 2048
_MOST_CONDITIONS = 4096
_MOST_MULTIPLES = 50_000
_MOST_PRODUCTS = 4 * 10**6  # words reduced for one matrix
_MOST_LETTERS = 2 * 10**7  # letters of all of these
_ROUNDING = Fraction(1, 10**6)


@dataclass(frozen=True, slots=True)
class _Question:
    stated: Letters
    letters: Letters  # with the rules that follow
    sign: int
    objective: Polynomial
    equalities: list[Polynomial]
    inequalities: list[Polynomial]
    means: list[tuple[Polynomial, Fraction | None, Fraction | None]]


def verify_operators(root: Mapping[str, object], strict: bool) -> Verification:
    """A bound on the mean of a polynomial in operators."""
    proof = read_keys(root["proof"], ("derived", "multipliers", "squares", "localised", "multiples"), "proof")
    question = _read_question(root["question"], proof["derived"])
    claimed = read_number(read_keys(root["claim"], ("value",), "claim")["value"], "claim.value")
    multipliers = read_numbers(proof["multipliers"], "proof.multipliers", length=len(question.means))
    common_denominator([*multipliers, claimed], "proof.multipliers and claim")
    residual = {word: question.sign * value for word, value in question.objective.items()}
    for multiplier, (polynomial, _, _) in zip(multipliers, question.means, strict=True):
        _add(residual, polynomial, -multiplier)
    _add_squares(question, residual, proof["squares"], {(): ONE}, "proof.squares")
    _add_localised(question, residual, proof["localised"])
    _add_multiples(question, residual, proof["multiples"])
    bound = question.sign * (_at_means(question, multipliers) + _charge(question, residual))
    upper = question.sign > 0
    side = "upper" if upper else "lower"
    _refuse_the_impossible(question, bound, claimed)
    value = rounded_float(bound, up=upper)
    holds = bound <= claimed if upper else bound >= claimed
    said = f"{'most' if upper else 'least'} {value!r}"
    if holds:
        message = f"The mean of the objective is at {said}, as claimed ({nearest_float(claimed)!r})."
        if not question.objective and upper and value < 0:
            message += " So the conditions cannot be met."
    else:
        message = (
            "The certificate does not prove its claim on the mean of the objective: the recomputed "
            f"{side} bound is {value!r}, the claimed value {nearest_float(claimed)!r}."
        )
        if strict:
            raise CertificateError(message)
    return Verification(
        value=value,
        claimed=rounded_float(claimed, up=upper),
        side=side,
        figure="operator_value",
        model="operators",
        holds=holds,
        functional=None,
        message=message,
    )


def _read_question(entry: object, derived: object) -> _Question:
    names = ("figure", "side", "letters", "rules", "equalities", "inequalities", "moments")
    question = read_keys(entry, names, "question")
    stated, letters = read_letters(question["letters"], question["rules"], derived)
    read_kind(question["figure"], "question.figure", ("operator_value",))
    figure = read_keys(question["figure"], ("kind", "objective"), "question.figure")
    side = question["side"]
    if side not in ("upper", "lower"):
        raise CertificateError(f"question.side is {shown(side)}; it must be upper or lower.")
    objective = letters.moments(read_polynomial(figure["objective"], letters, "question.figure.objective"))
    equalities = _read_polynomials(question["equalities"], letters, "question.equalities")
    inequalities = _read_polynomials(question["inequalities"], letters, "question.inequalities")
    for k, polynomial in enumerate(inequalities):
        plain = _normal(letters, polynomial)
        if plain != _normal(letters, {letters.adjoint(word): value for word, value in polynomial.items()}):
            raise CertificateError(f"question.inequalities[{k}] is not Hermitian by the rules.")
        if plain.keys() == {()} and plain[()] < 0:
            raise CertificateError(f"question.inequalities[{k}] says that a negative number is positive.")
    for k, polynomial in enumerate(equalities):
        if _normal(letters, polynomial).keys() == {()}:
            raise CertificateError(f"question.equalities[{k}] says that a number other than 0 is 0.")
    refuse_contradictions(stated, equalities if objective else [])
    if objective:  # about nothing, a certificate says that the conditions cannot be met; then this may be why
        refuse_impossible_sizes(stated)
    means = []
    for k, item in enumerate(_short_list(question["moments"], "question.moments")):
        name = f"question.moments[{k}]"
        parts = read_keys(item, ("expression", "low", "high"), name)
        polynomial = letters.moments(read_polynomial(parts["expression"], letters, f"{name}.expression"))
        low = None if parts["low"] is None else read_number(parts["low"], f"{name}.low")
        high = None if parts["high"] is None else read_number(parts["high"], f"{name}.high")
        if low is not None and high is not None and low > high:
            raise CertificateError(f"{name} has a low end above its high end.")
        means.append((polynomial, low, high))
    return _Question(stated, letters, 1 if side == "upper" else -1, objective, equalities, inequalities, means)


def _short_list(entry: object, name: str) -> list[object]:
    found = list(read_list(entry, name))
    if len(found) > _MOST_CONDITIONS:
        raise CertificateError(f"{name} has {len(found)} entries; at most {_MOST_CONDITIONS} can be checked.")
    return found


def _read_polynomials(entry: object, letters: Letters, name: str) -> list[Polynomial]:
    return [read_polynomial(item, letters, f"{name}[{k}]") for k, item in enumerate(_short_list(entry, name))]


def _normal(letters: Letters, polynomial: Polynomial) -> Polynomial:
    total: Polynomial = {}
    for word, value in polynomial.items():
        _add(total, letters.normal(word), value)
    return {word: value for word, value in total.items() if value}


def _add(total: Polynomial, polynomial: Polynomial, factor: Fraction) -> None:
    if factor:
        for word, value in polynomial.items():
            total[word] = total.get(word, ZERO) + factor * value


def _add_squares(question: _Question, residual: Polynomial, entry: object, between: Polynomial, name: str) -> None:
    """sum_uv G_uv u* g v of a positive matrix G."""
    letters = question.letters
    gram = read_keys(entry, ("words", "factor", "remainder"), name)
    given = read_list(gram["words"], f"{name}.words")
    if len(given) > _MOST_WORDS or len(given) ** 2 * len(between) > 2 * _MOST_PRODUCTS:
        raise CertificateError(f"{name}.words has {len(given)} words; they are too many to check.")
    words = [read_word(word, letters, f"{name}.words[{u}]") for u, word in enumerate(given)]
    if len(between) * len(words) * sum(len(word) + 2 for word in words) > _MOST_LETTERS:
        raise CertificateError(f"{name}.words are too many and too long to check.")
    scale, square = gram_matrix(gram["factor"], len(words), f"{name}.factor")
    rest = _read_remainder(gram["remainder"], len(words), f"{name}.remainder")
    whole = scale * scale
    for v, right in enumerate(words):
        for u, left in enumerate(words[: v + 1]):
            value = Fraction(int(square[u, v]), whole) + rest.get((u, v), ZERO)
            if not value:
                continue
            turned = letters.adjoint(left)
            product = {turned + word + right: factor for word, factor in between.items()}
            _add(residual, letters.moments(product), value if u == v else 2 * value)


def _read_remainder(entry: object, size: int, name: str) -> dict[tuple[int, int], Fraction]:
    """A symmetric matrix whose diagonal dominates, by its upper triangle."""
    found: dict[tuple[int, int], Fraction] = {}
    items = read_list(entry, name)
    if len(items) > size * (size + 1) // 2:
        raise CertificateError(f"{name} has {len(items)} entries; the matrix has fewer.")
    needed = [ZERO] * size
    for k, item in enumerate(items):
        row, column, given = read_list(item, f"{name}[{k}]", length=3)
        i = read_integer(row, 0, size - 1, f"{name}[{k}]")
        j = read_integer(column, i, size - 1, f"{name}[{k}]")
        if (i, j) in found:
            raise CertificateError(f"{name} has the entry ({i}, {j}) twice.")
        value = found[i, j] = read_number(given, f"{name}[{k}]")
        if i != j:
            needed[i] += abs(value)
            needed[j] += abs(value)
    common_denominator(found.values(), name)
    for i, least in enumerate(needed):
        if found.get((i, i), ZERO) < least:
            raise CertificateError(
                f"{name} has a row {i} whose diagonal entry does not dominate: it may not be positive."
            )
    return found


def _add_localised(question: _Question, residual: Polynomial, entry: object) -> None:
    name = "proof.localised"
    for k, item in enumerate(_short_list(entry, name)):
        parts = read_keys(item, ("inequality", "words", "factor", "remainder"), f"{name}[{k}]")
        number = read_integer(parts["inequality"], 0, len(question.inequalities) - 1, f"{name}[{k}].inequality")
        rest = {key: parts[key] for key in ("words", "factor", "remainder")}
        _add_squares(question, residual, rest, question.inequalities[number], f"{name}[{k}]")


def _add_multiples(question: _Question, residual: Polynomial, entry: object) -> None:
    """Multiples ``left e right`` of equalities, with numbers of either sign."""
    name = "proof.multiples"
    items = read_list(entry, name)
    if len(items) > _MOST_MULTIPLES:
        raise CertificateError(f"{name} has {len(items)} entries; at most {_MOST_MULTIPLES} can be checked.")
    factors = []
    for k, item in enumerate(items):
        number, left, right, given = read_list(item, f"{name}[{k}]", length=4)
        e = question.equalities[read_integer(number, 0, len(question.equalities) - 1, f"{name}[{k}]")]
        before = read_word(left, question.letters, f"{name}[{k}]")
        after = read_word(right, question.letters, f"{name}[{k}]")
        factors.append(read_number(given, f"{name}[{k}]"))
        product = {before + word + after: value for word, value in e.items()}
        _add(residual, question.letters.moments(product), factors[-1])
    common_denominator(factors, name)


def _at_means(question: _Question, multipliers: list[Fraction]) -> Fraction:
    """The most that ``sum_j l_j m_j`` has within the intervals."""
    total = ZERO
    for j, (multiplier, (_, low, high)) in enumerate(zip(multipliers, question.means, strict=True)):
        if multiplier:
            end = high if multiplier > 0 else low
            if end is None:
                raise CertificateError(f"proof.multipliers[{j}] needs an end of the interval that is infinite.")
            total += multiplier * end
    return total


def _charge(question: _Question, residual: Polynomial) -> Fraction:
    """What the mean of what is left over is at most."""
    norms = question.letters.norms()
    total = ZERO
    for word, value in residual.items():
        if not value:
            continue
        norm = ONE
        for letter in word:
            own = norms[letter]
            if own is None:
                raise CertificateError(
                    f"The proof leaves over {_said(value)} of the word {list(word)[:20]}, whose norm the rules "
                    f"do not bound."
                )
            norm *= own
        total += abs(value) * norm if word else value
    return total


def _refuse_the_impossible(question: _Question, bound: Fraction, claimed: Fraction) -> None:
    """Refuse a bound that no mean of the objective meets, whatever the state is: the conditions contradict each other.

    The mean of a word is not beyond its norm. Of the objective 0 such a bound is what is claimed.
    """
    if not question.objective:
        return
    try:
        far = -_charge(question, {word: -question.sign * value for word, value in question.objective.items()})
    except CertificateError:  # there are words without a norm
        return
    for value in (question.sign * bound, question.sign * claimed):
        if value < far - _ROUNDING * max(ONE, abs(far)):
            raise CertificateError(
                f"A bound of {_said(question.sign * value)} is beyond all means of the objective, which reach "
                f"{_said(question.sign * far)} at least: the conditions contradict each other."
            )


def _said(value: Fraction) -> str:
    try:
        return f"{float(value):.3g}"
    except OverflowError:
        return "much"
