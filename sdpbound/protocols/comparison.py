r"""Key rates of one behaviour against a quantum and against a no-signaling adversary, side by side.

With D = 2 P_guess - 1, Eve's largest bias on Alice's key bit within no-signaling (a certified linear program on all
tested correlators), and H = H(A|B) what error correction publishes:

- individual attacks: every part of a partition has a bias b_z with average D at most, and ``h((1 + b)/2) >= 1 - b``, so
  ``H(A|E) >= 1 - D``; with binary erasure (Hanggi et al., Lemma 20) this is what Eve reaches. For CHSH, D = 4 eps.
- general attacks on pairs known to be independent: the dual solutions multiply (Hanggi et al., Lemmas 11 and 12: with f
  - b and f + b nonnegative on every box, ``f f - b b = ((f - b)(f + b) + (f + b)(f - b))/2`` is so on every two), the
  XOR of k outcomes has bias at most D^k, and random linear hashing leaves ``1 - log2(1 + D)``: (13) for CHSH.
- general attacks on pairs that are tested, nothing known: ``linear_hashing``, and Masanes et al. v5 (21). Both need the
  errors W of a chained inequality: two settings each, or M each, or M and M + 1. The tested pairs are counted as lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict, Unpack

import numpy as np

from sdpbound.adversaries import NoSignaling, Quantum
from sdpbound.arguments import floats, instance, with_changes
from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.bounds.guessing import guessing_probability
from sdpbound.entropies.conditional import VonNeumann
from sdpbound.entropies.entropy import Entropy
from sdpbound.entropies.min_entropy import MinEntropy
from sdpbound.errors import InvalidParameter, InvalidShape
from sdpbound.protocols.formulas import chained_exponent, linear_hashing
from sdpbound.protocols.formulas.information import maximise
from sdpbound.protocols.formulas.ranges import number
from sdpbound.protocols.formulas.secret_bits import secret_bits
from sdpbound.rates.correction import error_correction
from sdpbound.rates.rates import key_rate

__all__ = [
    "KINDS",
    "RENAMED",
    "ComparedRate",
    "Comparison",
    "Kind",
    "VanishingOptions",
    "compare",
    "vanishing_visibilities",
]

Kind = Literal["von Neumann", "min-entropy", "individual", "independent", "tested", "Masanes et al. v5"]
#: Names of earlier versions, still understood.
RENAMED: dict[str, Kind] = {"paper 001": "Masanes et al. v5"}
#: The rates compared: adversary, attacks, and what proves the rate.
KINDS: dict[Kind, tuple[str, str, str]] = {
    "von Neumann": (
        "quantum",
        "general",
        "Devetak-Winter rate from a certified von Neumann entropy; entropy accumulation (arXiv:1607.01796)",
    ),
    "min-entropy": (
        "quantum",
        "general",
        "the same from certified min-entropy, as arXiv:2309.09650 has its Eq. (1) and figures",
    ),
    "individual": (
        "no-signaling",
        "individual",
        "Acin, Gisin, Masanes (PRL 97, 120405), I(A:B) - I(A:E) of Csiszar and Koerner; Hanggi et al., Lemmas 5, 20",
    ),
    "independent": (
        "no-signaling",
        "general, pairs known to be independent",
        "Hanggi et al. (arXiv:0911.4171), Lemmas 6, 12, 18 and Eq. (13)",
    ),
    "tested": (
        "no-signaling",
        "general",
        "sdpbound.protocols.formulas.linear_hashing: Hanggi et al., with Lemmas 3 and 4 of Masanes et al. v5",
    ),
    "Masanes et al. v5": ("no-signaling", "general", "arXiv:quant-ph/0606049v5, Theorem 9 and Eq. (21)"),
}
_QUANTUM: tuple[Kind, ...] = ("von Neumann", "min-entropy")
#: Rates below this count as none: rounding of sums of terms around 1.
NONE = 1e-12


@dataclass(frozen=True, slots=True)
class ComparedRate:
    """One rate of a comparison.

    Attributes
    ----------
    kind : its name in :data:`KINDS`
    adversary : "quantum" or "no-signaling"
    attacks : "individual", "general", or general with a condition
    value : bits per pair, a lower bound on what is achievable, signed; "tested" and "Masanes et al. v5" are at least 0,
        because all pairs may be tested
    settings : the key settings (x, y)
    proof : paper or theorem that proves it
    """

    kind: Kind
    adversary: str
    attacks: str
    value: float
    settings: tuple[int, int]
    proof: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rates of one behaviour, most powerful adversary last; ``comparison["individual"]`` is one of them."""

    rates: tuple[ComparedRate, ...]

    def __getitem__(self, kind: str) -> ComparedRate:
        for rate in self.rates:
            if rate.kind == RENAMED.get(kind, kind):
                return rate
        raise InvalidParameter(f"kind = {kind!r} must be one of {', '.join(r.kind for r in self.rates)} here.")

    def __str__(self) -> str:
        lines = [f"{'adversary':14} {'attacks':40} {'bits a pair':>11}  proof"]
        lines += [f"{r.adversary:14} {r.attacks:40} {r.value:11.5f}  {r.proof}" for r in self.rates]
        return "\n".join(lines)


def compare(
    behaviour: Behaviour,
    x: int | None = None,
    y: int | None = None,
    kinds: Sequence[Kind | Literal["paper 001"]] | None = None,
    von_neumann: Entropy | None = None,
    level: str = "2",
) -> Comparison:
    """Key rates of a behaviour against quantum and no-signaling adversaries, each with what proves it.

    All correlators are tested. Rates are asymptotic and lower bounds. The printed rates of Masanes et al. v4 are not
    among them: they are refuted (docs/papers.md).

    Parameters
    ----------
    behaviour : two parties, binary outcomes. The general attacks on tested pairs need settings (2, 2), (M, M) or
        (M, M + 1) with a chained inequality on the first M of each, oriented as ``bhk.behaviour`` or
        ``braunstein_caves.behaviour``; for other shapes these two kinds are left out
    x, y : key settings; None: the best pair for each rate
    kinds : which of :data:`KINDS`; None: all that the shape allows
    von_neumann : how to bound the von Neumann entropy; None: ``VonNeumann()``. More than two settings take minutes
    level : of the quantum adversary, for min-entropy

    Raises
    ------
    InvalidShape
        There are other numbers of parties or outcomes.

    >>> import sdpbound as sb
    >>> found = compare(sb.SingletSelfTest(1.0, 1.5, 2.5).behaviour(0.99), kinds=["individual", "independent"])
    >>> [round(rate.value, 4) for rate in found.rates]
    [0.2052, 0.1461]
    """
    instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()")
    p = behaviour.p
    if p.ndim != 4 or p.shape[:2] != (2, 2):
        raise InvalidShape(f"a comparison needs two parties with binary outcomes, not a behaviour of shape {p.shape}.")
    chained = _chained_error(behaviour)
    possible: list[Kind] = [k for k in KINDS if chained is not None or k not in ("tested", "Masanes et al. v5")]
    wanted = possible if kinds is None else [_known(kind, possible) for kind in kinds]
    xs = range(p.shape[2]) if x is None else [behaviour.scenario.require_setting(0, x, "x")]
    ys = range(p.shape[3]) if y is None else [behaviour.scenario.require_setting(1, y, "y")]
    leaks = {(s, r): error_correction(behaviour, s, r) for s in xs for r in ys}
    rates: list[ComparedRate] = []
    for kind in wanted:
        adversary, attacks, proof = KINDS[kind]
        if kind in _QUANTUM:
            entropy = (von_neumann or VonNeumann()) if kind == "von Neumann" else MinEntropy(Quantum(level))
            rate = key_rate(behaviour, x=x, y=y, entropy=entropy)
            value, place = rate.value, (int(rate.settings[0] or 0), int(rate.settings[1] or 0))
        else:
            options = (
                (_no_signaling(behaviour, kind, pair[0], leak, chained), -leak, pair) for pair, leak in leaks.items()
            )
            value, _, place = max(options)  # among equals the pair with the fewest errors
        rates.append(ComparedRate(kind, adversary, attacks, value, place, proof))
    return Comparison(tuple(rates))


@dataclass(frozen=True, slots=True, kw_only=True)
class VanishingOptions:
    """Where and how finely visibilities are searched at which rates die.

    Parameters
    ----------
    low : the search goes from here to 1; there the rates must be none
    tolerance : of the visibility, from 1e-9 to 0.1. The value returned has a positive rate, so for lower bounds on
        rates it is an upper bound on the true critical visibility
    """

    low: float = 0.5
    tolerance: float = 1e-4

    def __post_init__(self) -> None:
        width, start = number(floats(self.tolerance, "tolerance"), "tolerance"), number(floats(self.low, "low"), "low")
        if not 1e-9 <= width <= 0.1:
            raise InvalidParameter(f"tolerance = {width:g} must be from 1e-9 to 0.1.")
        if not 0.0 <= start < 1.0:
            raise InvalidParameter(f"low = {start:g} must be at least 0 and below 1.")
        object.__setattr__(self, "tolerance", width)
        object.__setattr__(self, "low", start)


class VanishingChanges(TypedDict, total=False):
    """The options of :class:`VanishingOptions`, each as a keyword of a call."""

    low: float
    tolerance: float


def vanishing_visibilities(
    family: Callable[[float], Behaviour],
    x: int | None = None,
    y: int | None = None,
    kinds: Sequence[Kind | Literal["paper 001"]] | None = None,
    von_neumann: Entropy | None = None,
    level: str = "2",
    options: VanishingOptions | None = None,
    **changes: Unpack[VanishingChanges],
) -> dict[Kind, float | None]:
    """Where each rate of :func:`compare` dies: visibilities below which there is no key; None where there is none at 1.

    Parameters
    ----------
    family : the behaviour at a visibility, such as ``SingletSelfTest(...).behaviour``; rates must rise with it
    options : where and how finely to search, default VanishingOptions()
    changes : single options by their names: low, tolerance
    x, y, kinds, von_neumann, level : as in :func:`compare`

    Raises
    ------
    InvalidParameter
        A rate is positive at ``low`` already.
    """
    how = with_changes(options, VanishingOptions(), changes, "vanishing_visibilities")
    width, start = how.tolerance, how.low

    def value(kind: Kind, v: float) -> float:
        return compare(family(v), x, y, [kind], von_neumann, level).rates[0].value

    found: dict[Kind, float | None] = {}
    for rate in compare(family(1.0), x, y, kinds, von_neumann, level).rates:
        if rate.value <= NONE:
            found[rate.kind] = None
            continue
        if value(rate.kind, start) > NONE:
            raise InvalidParameter(f"low = {start:g}: the rate '{rate.kind}' is positive there; start lower.")
        none, some = start, 1.0
        while some - none > width:
            middle = 0.5 * (none + some)
            none, some = (none, middle) if value(rate.kind, middle) > NONE else (middle, some)
        found[rate.kind] = some
    return found


def _known(kind: str, possible: Sequence[Kind]) -> Kind:
    for known in possible:
        if RENAMED.get(kind, kind) == known:
            return known
    raise InvalidParameter(f"kind = {kind!r} must be one of {', '.join(possible)} for a behaviour of this shape.")


def _no_signaling(behaviour: Behaviour, kind: Kind, x: int, leak: float, chained: tuple[float, int] | None) -> float:
    if kind == "individual" or kind == "independent":
        observed = Observations.correlators(behaviour)
        return secret_bits(kind, guessing_probability(observed, NoSignaling(), x).value) - leak
    assert chained is not None  # compare leaves these kinds out
    w, m = np.asarray(chained[0]), np.asarray(float(chained[1]))
    if kind == "tested":
        return float(linear_hashing.best_rate(w, m, np.asarray(leak)))
    return float(_theorem_9(w, m, leak))


def _theorem_9(w: Floats, m: Floats, leak: float) -> Floats:
    """Masanes et al. v5, Eq. (21), at the best gamma, for any average w and cost of error correction; 0 if none is
    positive.
    """

    def rate(key: Floats) -> Floats:  # 1 - gamma
        r, e = key**2, 2.0 * (1.0 - key) ** 2 / m
        return np.asarray(chained_exponent.exponent(r, e, w, m) - r * (1.0 + leak))

    return np.maximum(maximise(rate, np.full(w.shape, 1e-6), np.full(w.shape, 0.5))[1], 0.0)


def _chained_error(behaviour: Behaviour) -> tuple[float, int] | None:
    """The average W of the best known orientation of the chained inequality, and M; None if the shape has none."""
    _, _, m, bob = behaviour.p.shape
    if m < 2 or bob not in (m, m + 1):
        return None
    c = behaviour.correlators[:, :m]
    if m == 2:  # the best of the eight CHSH expressions
        return 0.5 - Behaviour.from_correlators(c).chsh / 8.0, 2
    i = np.arange(m)
    # Masanes et al. v4: y - x in {0, 1}, sign at (M - 1, 0); Masanes et al. v5: x - y in {0, 1}, sign at (0, M - 1)
    sums = [c[i, i].sum() + c[i, (i + 1) % m].sum() - 2.0 * c[m - 1, 0]]
    sums += [c[i, i].sum() + c[(i + 1) % m, i].sum() - 2.0 * c[0, m - 1]]
    return float(0.5 - max(abs(s) for s in sums) / (4.0 * m)), m
