"""What is known of the expressions that have a name: sources, and local, quantum and no-signaling maxima.

Formulas are written out. Numbers that no formula gives are bounds, with how they were found; tests compute them again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from sdpbound.bell.catalogue.inequality import KnownValue
from sdpbound.bell.families.cglmp_family import Cglmp
from sdpbound.bell.families.expressions import tilted_chsh
from sdpbound.bell.families.lists import record

__all__ = ["FACTS", "Facts"]

#: Half a unit of the seventh digit after the point, to which values were published.
SEVEN_DIGITS = 5e-8
#: Most outcomes for which the best state of CGLMP is computed.
MOST_OUTCOMES = 12
#: The maximum of CHSH in terms of the local one, and of Clauser and Horne's form of it.
ROOT = math.sqrt(2.0)


@dataclass(frozen=True, slots=True)
class Facts:
    """Source and maxima, as in :class:`~sdpbound.bell.catalogue.inequality.BellInequality`; None where not known."""

    source: str
    local: float | None
    quantum: KnownValue | None
    no_signaling: float | None
    quantum_upper: KnownValue | None = None


def _exact(value: float, source: str) -> KnownValue:
    return KnownValue(value, "exact", source)


def _found(value: float, dimension: int) -> KnownValue:
    return KnownValue(value, "lower", f"see-saw, {dimension} dimensions a side")


def _level(value: float, level: str) -> KnownValue:
    return KnownValue(value, "upper", f"level {level} of the hierarchy, certified")


def _chsh() -> Facts:
    source = "Clauser, Horne, Shimony and Holt, PRL 23, 880 (1969)"
    return Facts(source, 2.0, _exact(2.0 * ROOT, "Tsirelson, Lett. Math. Phys. 4, 93 (1980)"), 4.0)


def _tilted_chsh(beta: float, alpha: float = 1.0) -> Facts:
    local, quantum = tilted_chsh(beta, alpha).local_bound, None
    if alpha >= 1.0 and beta >= 0.0:
        value = 2.0 * math.sqrt((1.0 + alpha**2) * (1.0 + beta**2 / 4.0)) if alpha * beta < 2.0 else local
        quantum = _exact(value, "arXiv:1107.2754")
    # the extremal boxes that are not local have uniform marginals and perfect correlations
    return Facts("Acin, Massar and Pironio, arXiv:1107.2754", local, quantum, max(local, 2.0 * abs(alpha) + 2.0))


def _asymmetric_chsh(alpha: float) -> Facts:
    quantum = _exact(2.0 * math.sqrt(1.0 + alpha**2), "arXiv:2007.16146")
    source = "Woodhead, Acin and Pironio, arXiv:2007.16146"
    return Facts(source, 2.0 * max(1.0, abs(alpha)), quantum, 2.0 + 2.0 * abs(alpha))


def _chained(settings: int) -> Facts:
    n = settings
    quantum = _exact(2.0 * n * math.cos(math.pi / (2.0 * n)), "Wehner, quant-ph/0510076")
    return Facts("Pearle 1970; Braunstein and Caves 1990", 2.0 * n - 2.0, quantum, 2.0 * n)


def _i3322() -> Facts:
    reached = KnownValue(0.250875384514, "lower", "Pal and Vertesi, arXiv:1006.3032, states of many dimensions", 5e-13)
    above = KnownValue(0.2508756, "upper", "level 3 of the hierarchy, arXiv:1006.3032", SEVEN_DIGITS)
    return Facts("Froissart 1981; Collins and Gisin, quant-ph/0306129", 0.0, reached, 1.0, above)


#: I_nn22 beyond n = 3: what a see-saw reaches, in which dimension, and a certified level of the hierarchy above it.
INN22 = {
    4: (0.287868304, 3, 0.2882669, "2"),
    5: (0.29032406, 4, 0.3130863, "2"),
    6: (0.291736313, 4, 0.3776306, "1+AB"),
}


def _inn22(n: int) -> Facts:
    quantum, above = None, None
    if n == 2:
        quantum = _exact((ROOT - 1.0) / 2.0, "Clauser and Horne's form of CHSH")
    elif n == 3:
        quantum, above = _i3322().quantum, _i3322().quantum_upper
    elif n in INN22:
        reached, dimension, upper, level = INN22[n]
        quantum, above = _found(reached, dimension), _level(upper, level)
    return Facts("Collins and Gisin, quant-ph/0306129", 0.0, quantum, (n - 1) / 2.0, above)


def _hardy() -> Facts:
    quantum = _exact((ROOT - 1.0) / 2.0, "Clauser and Horne's form of CHSH, relabelled")
    return Facts("Hardy, PRL 71, 1665 (1993)", 0.0, quantum, 0.5)


#: CGLMP beyond d = 3: certified bounds at level 1+AB.
CGLMP = {4: 2.9726983, 5: 3.0157105, 6: 3.0497005}


def _cglmp(d: int) -> Facts:
    quantum, above = None, None
    if d in (2, 3):
        value = 2.0 * ROOT if d == 2 else 1.0 + math.sqrt(11.0 / 3.0)
        quantum = _exact(value, "Tsirelson 1980" if d == 2 else "Ioannou and Rosset, arXiv:2112.10803")
    elif d <= MOST_OUTCOMES:
        found = Cglmp().member(d=d).strategy_value
        if found is not None:
            quantum = KnownValue(found, "lower", "best state for the standard measurements, PRA 65, 052325")
        above = _level(CGLMP[d], "1+AB") if d in CGLMP else None
    return Facts("Collins et al., quant-ph/0106024", 2.0, quantum, 4.0, above)


def _elegant() -> Facts:
    quantum = _exact(4.0 * math.sqrt(3.0), "level 1, exact by Tsirelson's theorem")
    return Facts("Gisin, quant-ph/0702021", 6.0, quantum, 12.0)


def _magic_square() -> Facts:
    source = "Mermin 1990; Peres 1990; Aravind, quant-ph/0206070"
    return Facts(source, 8.0 / 9.0, _exact(1.0, "Aravind, quant-ph/0206070, two pairs of qubits"), 1.0)


#: CHSH_d: winning pairs of questions of the best classical strategy, what a see-saw reaches, and level 1+AB.
CHSH_D: dict[int, tuple[int, float, float | None]] = {
    3: (6, 0.712386014, 0.7182336),
    4: (10, 0.656895766, None),
    5: (12, 0.53756784, None),
}


def _chsh_d(d: int) -> Facts:
    source = "Buhrman and Massar, quant-ph/0409066"
    if d == 2:
        return Facts(source, 0.75, _exact((2.0 + ROOT) / 4.0, "Tsirelson 1980"), 1.0)
    if d not in CHSH_D:
        return Facts(source, None, None, 1.0)
    wins, reached, upper = CHSH_D[d]
    return Facts(source, wins / d**2, _found(reached, d), 1.0, None if upper is None else _level(upper, "1+AB"))


def _mermin() -> Facts:
    return Facts("Mermin, PRL 65, 1838 (1990)", 2.0, _exact(4.0, "a GHZ state, PRL 65, 1838"), 4.0)


def _mabk(parties: int) -> Facts:
    n = parties
    quantum = _exact(2.0 ** ((n - 1) / 2.0), "Werner and Wolf, quant-ph/0102024")
    return Facts("Mermin 1990; Ardehali 1992; Belinskii and Klyshko 1993", 1.0, quantum, 2.0 ** (n // 2))


def _svetlichny(parties: int) -> Facts:
    n = parties
    quantum = _exact(2.0 ** (n - 0.5), "Seevinck and Svetlichny, quant-ph/0201046")
    return Facts("Svetlichny, PRD 35, 3066 (1987); quant-ph/0201046", 2.0 ** ((n + 1) // 2), quantum, 2.0**n)


def _gyni(parties: int) -> Facts:
    most = {3: Fraction(1, 3), 4: Fraction(1, 6), 5: Fraction(1, 11)}.get(parties)
    quantum = _exact(2.0 ** (1 - parties), "Almeida et al., arXiv:1003.3844")
    return Facts(
        "Almeida et al., arXiv:1003.3844", 2.0 ** (1 - parties), quantum, None if most is None else float(most)
    )


def _holz() -> Facts:
    source = "Holz, Kampermann and Bruss, arXiv:1910.11360"
    return Facts(source, 1.0, _exact(1.5, source), 2.0)


def _parity_chsh(parties: int) -> Facts:
    source = "Ribeiro, Murta and Wehner, arXiv:1708.00798"
    return Facts(source, 2.0, _exact(2.0 * ROOT, "Tsirelson 1980, with A1 times the other outcomes"), 4.0)


def _of_list(name: str, source: str) -> Callable[[int], Facts]:
    """The facts of a list of facets, from its table."""

    def facts(number: int) -> Facts:
        entry = record(name, number)
        values = [
            None if key not in entry else KnownValue(entry[key][0], side, entry[key][1], entry[key][2])
            for key, side in (("quantum", entry.get("side", "lower")), ("upper", "upper"))
        ]
        local, most = (float(Fraction(entry[key])) for key in ("local", "no_signaling"))
        return Facts(source, local, values[0], most, values[1])

    return facts


#: For each name of :data:`~sdpbound.bell.families.expressions.EXPRESSIONS` what is known, with the same arguments.
FACTS: dict[str, Callable[..., Facts]] = {
    "chsh": _chsh,
    "tilted_chsh": _tilted_chsh,
    "asymmetric_chsh": _asymmetric_chsh,
    "hardy": _hardy,
    "chained": _chained,
    "i3322": _i3322,
    "i4422": lambda: _inn22(4),
    "inn22": _inn22,
    "cglmp": _cglmp,
    "elegant": _elegant,
    "magic_square": _magic_square,
    "chsh_d": _chsh_d,
    "mermin": _mermin,
    "mabk": _mabk,
    "svetlichny": _svetlichny,
    "gyni": _gyni,
    "holz": _holz,
    "parity_chsh": _parity_chsh,
    "avis": _of_list("avis", "Avis, Imai, Ito and Sasaki, quant-ph/0404014; Pal and Vertesi, arXiv:0810.1615"),
    "sliwa": _of_list("sliwa", "Sliwa, quant-ph/0305190"),
}
