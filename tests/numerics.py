"""The numbers that NUMERICS stands for: `python -m tests.numerics` writes them to tests/reference/numerics.csv.

Two small studies ask for every quantity, against every adversary that has it. Each number is kept with its *accuracy*:
how far the same code may land from it on another machine. Equal bits are too much to ask, since linear algebra is
rounded differently by every processor and library. Every number is a proven bound, and the one computed elsewhere
is a proven bound on the same thing. Both are short of the best bound by what the solver leaves, so they agree in the
digits that solvers give, and these digits are the criterion:

- formulas, and linear programs with exact solutions: the last digits of a float;
- semidefinite programs: 1e-6, a thousand times the tolerance asked of the solver. Optimal duals found by two solvers
  differ by less than 1e-7 in all our tests;
- von Neumann entropies, and rates of them: 1e-5, for programs of many nodes, and twice the tolerance of a method that
  stops at its tolerance;
- attacks: 1e-4, as a search ends near a minimum and not at it;
- lengths: 1e-4 of the length, for the same reason;
- critical values: twice the resolution asked for, as a search of another machine may end at a neighbouring point.

A change beyond that is one that a user of stored numbers would see. Measured with the linear algebra of two other
processors (OPENBLAS_CORETYPE set to Prescott and to Nehalem), no number moved by more than 0.3 % of its accuracy.
"""

from __future__ import annotations

import csv
import json
import math
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from sdpbound.study import run_study
from sdpbound.version import NUMERICS

FILE = Path(__file__).parent / "reference" / "numerics.csv"
#: What a number is of, by which it is found again.
IDENTITY = ("study", "visibility", "observed", "model", "level", "quantity", "x", "y", "options", "rounds")
#: What must be equal: an outcome "infeasible" is a result as well.
WORDS = ("side", "status")
COLUMNS = ("numerics", *IDENTITY, *WORDS, "value", "accuracy")

#: Tolerance of the qubit reduction, and resolution of critical values, in the studies below.
QUBIT, RESOLUTION = 1e-6, 1e-3
QUICK = f'entropy = {{ kind = "von Neumann", method = "qubit", tolerance = {QUBIT} }}'
NODES = 'entropy = { kind = "von Neumann", level = "1+AB", tolerance = 0.02 }'
RADAU = 'entropy = { kind = "von Neumann", method = "gauss-radau", level = "1+AB", tolerance = 0.05 }'
STUDIES = {
    "noisy": f"""
name = "noisy"
visibilities = [0.99]
observed = "correlators"
family = {{ kind = "singlet", theta = 1.0, phi = 1.5, omega = 2.6 }}
adversaries = [{{ model = "quantum", level = "1+AB" }}, "no-signaling", "local"]
quantities = [
  "chsh", "condition", "local_bound", "quantum_bound", "strategy_value", "bell_maximum", "bell_minimum",
  "guess_local", "guess_global", "guess_blind",
  {{ name = "key_rate", entropy = "min" }}, {{ name = "randomness_local", entropy = "min" }},
  {{ name = "randomness_global", entropy = "min" }}, "randomness_blind",
  {{ name = "key_rate", {QUICK}, preprocessing = 0.05 }},
  {{ name = "entropy_local", {NODES} }},
  {{ name = "entropy_local", {RADAU} }},
  {{ name = "entropy_global", {QUICK} }},
  "entropy_local_attack", "entropy_global_attack", "key_rate_attack", "randomness_local_attack",
  "randomness_global_attack", "convex_combination_attack",
  "key_rate_individual", "key_rate_independent", "key_rate_tested",
  {{ name = "finite_key_length", rounds = 1e9, {QUICK} }},
  {{ name = "finite_randomness_length", rounds = 1e9, {QUICK} }},
  {{ name = "critical_visibility", {QUICK}, resolution = {RESOLUTION} }},
  {{ name = "critical_efficiency", {QUICK}, resolution = {RESOLUTION} }},
]
""",
    "ideal": """
name = "ideal"
observed = "bell"
entropy = "min"
family = { kind = "singlet", at_chsh = [2.3], phi = "pi/2 - 0.02" }
adversaries = [{ model = "quantum", level = "2" }]
quantities = ["guess_local", "key_rate", "randomness_global"]
""",
}

Number = dict[str, str]


def computed() -> list[Number]:
    """All rows of the studies, computed here and now."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, text in STUDIES.items():
            path = Path(folder) / f"{name}.toml"
            path.write_text(text, encoding="utf-8")
            result = run_study(path, Path(folder) / name, 0, progress=False)
            with open(result.table, encoding="utf-8", newline="") as file:
                found += [_number(row) for row in csv.DictReader(file)]
    return found


def _number(row: Mapping[str, str]) -> Number:
    kept = {name: row[name] for name in (*IDENTITY, *WORDS, "value")}
    # solvers of two machines may stop with other words; what matters is that there is a number
    kept["status"] = "a number" if kept["value"] else row["status"]
    digits = accuracy(row) if kept["value"] else math.nan
    return {"numerics": str(NUMERICS), **kept, "accuracy": f"{digits:.1e}" if kept["value"] else ""}


def accuracy(row: Mapping[str, str]) -> float:
    """How far from this row's value the same code may land elsewhere; see the module."""
    quantity, value = row["quantity"], abs(float(row["value"]))
    if row["side"] == "exact" or row["method"] == "closed form":
        return 1e-11 * max(1.0, value)
    if quantity.startswith("critical"):
        return 2 * RESOLUTION
    if quantity.startswith("finite"):
        return 1e-4 * value
    if quantity.endswith("attack"):
        return 1e-4
    if "qubit" in row["options"]:
        return 2 * QUBIT
    if "von Neumann" in row["options"]:
        return 1e-5
    return 1e-9 if row["model"] in ("no-signaling", "local") else 1e-6


def stored(path: Path = FILE) -> list[Number]:
    """The numbers of the file."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def differences(old: Iterable[Number], new: Iterable[Number]) -> list[str]:
    """One sentence for each number that is not the one stored, to its accuracy."""
    before, after = ({_identity(number): number for number in numbers} for numbers in (old, new))
    said = [f"{name} is not computed any more." for name in before if name not in after]
    said += [f"{name} is new." for name in after if name not in before]
    for name in before.keys() & after.keys():
        one, other = before[name], after[name]
        words = [f"{w} was {one[w]!r} and is {other[w]!r}" for w in WORDS if one[w] != other[w]]
        if not words and one["value"]:
            distance = abs(float(one["value"]) - float(other["value"]))
            if not distance <= float(one["accuracy"]):
                words = [
                    f"{one['value']} is now {other['value']}: {distance:.1e} away, and {one['accuracy']} is allowed"
                ]
        said += [f"{name}: {'; '.join(words)}." for _ in words[:1]]
    return sorted(said)


def _identity(number: Number) -> str:
    return json.dumps([number[name] for name in IDENTITY])


AGAIN = (
    "write tests/reference/numerics.csv again with `python -m tests.numerics`, and say under Numerical in CHANGELOG.md "
    "which numbers changed and why."
)


def verdict(old: list[Number], new: list[Number], numerics: int = NUMERICS) -> str:
    """What is wrong, with what to do; empty if the numbers are those that NUMERICS stands for."""
    if {number["numerics"] for number in old} != {str(numerics)}:
        return f"NUMERICS is {numerics}, and the stored numbers are of another version: {AGAIN}"
    if changed := differences(old, new):
        return (
            f"{len(changed)} numbers changed, and NUMERICS did not: stores would mix old and new ones. If that was not "
            f"meant, find the cause. If it was, raise NUMERICS in sdpbound/version.py, {AGAIN}\n" + "\n".join(changed)
        )
    return ""


def write(numbers: Iterable[Number], path: Path = FILE) -> None:
    """Write the file."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(numbers)


if __name__ == "__main__":
    write(computed())
