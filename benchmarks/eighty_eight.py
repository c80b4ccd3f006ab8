"""Facets A2 to A89 from both sides: ``python -m benchmarks.eighty_eight [--only A14 ..] [--write]``.

An upper bound is a level of the hierarchy, with a certificate that both checkers accept. A lower bound is what
explicit devices of a finite dimension reach, computed from their behaviour. Every piece of work (a level, or a search)
is kept in ``benchmarks/eighty_eight.json`` as soon as it is done, and the best devices in
``benchmarks/eighty_eight_devices.json``: a run that was stopped goes on where it was. ``--write`` makes the table
``benchmarks/eighty_eight.csv``, and that of ``docs/eighty_eight.md``. CPU seconds are those of one core.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sdpbound as sb
from sdpbound.bell.search import best_state
from sdpbound.recheck import recheck

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "eighty_eight.json"
DEVICES = ROOT / "benchmarks" / "eighty_eight_devices.json"
TABLE = ROOT / "benchmarks" / "eighty_eight.csv"
PAGE = ROOT / "docs" / "eighty_eight.md"
PARTS = ("summary", "table")
NAMES = tuple(f"A{number}" for number in range(2, 90))
#: A gap below which nothing more is tried.
CLOSED = 1e-7
#: In the catalogue's source of a value that is not ours.
LITERATURE = "Pal and Vertesi"
#: Digits of an observable's entries: its value is stationary in them, and the signs of its eigenvalues make it exact.
DIGITS = 9
COLUMNS = (
    "name",
    "settings_a",
    "settings_b",
    "local",
    "lower",
    "dimension",
    "upper",
    "level",
    "gap",
    "level_2",
    "level_2_seconds",
    "cpu_seconds",
    "checkers",
    "known_lower",
    "known_upper",
    "known_level",
)
Results = dict[str, dict[str, dict[str, Any]]]


# --- what is stored ---------------------------------------------------------------------------------------------------


def read(path: Path) -> dict[str, Any]:
    """What a file of results has; nothing if there is none."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def keep(path: Path, data: dict[str, Any]) -> None:
    """Write a file of results, one inequality a line; a run that is killed leaves the old file or the new one."""
    lines = [f"{json.dumps(name)}: {json.dumps(data[name])}" for name in NAMES if name in data]
    part = path.with_suffix(".part")
    part.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    part.replace(path)


def packed(devices: sb.Strategy) -> list[list[list[float]]]:
    """Observables of devices with binary outcomes: of each setting the real parts of its lower triangle, row by row.

    The imaginary parts of the strict lower triangle follow them. The state is not kept: it is the best one.
    """
    parties = []
    for party in range(2):
        rows = []
        for matrix in devices.observables(party):
            low, strict = np.tril_indices(len(matrix)), np.tril_indices(len(matrix), -1)
            numbers = np.concatenate([matrix[low].real, matrix[strict].imag])
            rows.append([float(round(number, DIGITS)) + 0.0 for number in numbers])
        parties.append(rows)
    return parties


def observable(numbers: Sequence[float]) -> NDArray[np.complex128]:
    """The observable of one setting: what :func:`packed` has of it, with eigenvalues moved to -1 and 1."""
    d = round(len(numbers) ** 0.5)
    matrix = np.zeros((d, d), dtype=np.complex128)
    low, strict = np.tril_indices(d), np.tril_indices(d, -1)
    matrix[low] = numbers[: len(low[0])]
    matrix[strict] += 1j * np.array(numbers[len(low[0]) :])
    values, vectors = np.linalg.eigh(matrix)  # of the lower triangle
    return np.asarray((vectors * np.where(values >= 0, 1.0, -1.0)) @ vectors.conj().T, dtype=np.complex128)


def devices_of(expression: sb.BellExpression, parties: Sequence[Sequence[Sequence[float]]]) -> sb.Strategy:
    """The stored devices, with the best state for their measurements."""
    observables = [[observable(numbers) for numbers in party] for party in parties]
    effects = [[np.array([(np.eye(len(o)) + o) / 2, (np.eye(len(o)) - o) / 2]) for o in party] for party in observables]
    state = best_state(expression, effects)[1]
    return sb.Strategy(state, (tuple(effects[0]), tuple(effects[1])))


# --- both sides -------------------------------------------------------------------------------------------------------


def from_above(name: str, level: str) -> dict[str, Any]:
    """A certified upper bound, looked at by both checkers."""
    start = time.process_time()
    bound = sb.maximize(sb.inequality(name), sb.Quantum(level))
    found = time.process_time()
    data = bound.certificate.data
    if not (sb.verify(data).holds and recheck(data).holds):
        raise AssertionError(f"a checker refuses the bound of {name} at level {level}")
    sizes = str(bound.symmetry.sizes) if bound.symmetry is not None else ""
    return {
        "side": "upper",
        "level": level,
        "value": bound.value,
        "correction": bound.correction,
        "solver": bound.solver,
        "sizes": sizes,
        "checkers": 2,
        "seconds": round(found - start, 2),
        "checks_seconds": round(time.process_time() - found, 2),
    }


def from_below(
    name: str, dimension: int, starts: Iterable[int], short: int = 25, polished: int = 3
) -> tuple[dict[str, Any], sb.Strategy]:
    """The best devices from random starts, one seed each: all for some rounds, and the best of them to their end."""
    expression, clock, seeds = sb.inequality(name), time.process_time(), list(starts)

    def tried(seed: int, rounds: int) -> tuple[float, sb.Strategy]:
        return sb.see_saw(expression, dimension, restarts=1, rng=seed, iterations=rounds)

    first = sorted(seeds, key=lambda seed: -tried(seed, short)[0])
    ends = [(*tried(seed, 4000), seed) for seed in first[:polished]]
    value, devices, seed = max(ends, key=lambda end: end[0])
    found = {
        "side": "lower",
        "dimension": dimension,
        "starts": [seeds[0], seeds[-1] + 1],
        "rounds": short,
        "polished": polished,
        "seed": seed,
        "value": float(value),
        "seconds": round(time.process_time() - clock, 2),
    }
    return found, devices


def best(pieces: dict[str, dict[str, Any]], side: str) -> dict[str, Any] | None:
    """The best of one side; of values that agree to 1e-9 that of the lowest level or dimension, which comes first."""
    sign, found = (1.0 if side == "upper" else -1.0), None
    for piece in pieces.values():
        if piece["side"] == side and (found is None or sign * piece["value"] < sign * found["value"] - 1e-9):
            found = piece
    return found


def gap(pieces: dict[str, dict[str, Any]]) -> float:
    """Upper minus lower bound; infinite where one is missing."""
    upper, lower = best(pieces, "upper"), best(pieces, "lower")
    return float("inf") if upper is None or lower is None else upper["value"] - lower["value"]


class Work:
    """What is done and stored, one piece after another."""

    def __init__(self, seconds: float) -> None:
        self.results: Results = read(RESULTS)
        self.devices: dict[str, Any] = read(DEVICES)
        self.until = time.process_time() + seconds

    def over(self) -> bool:
        return time.process_time() > self.until

    def upper(self, name: str, level: str) -> None:
        """A level, unless it is there."""
        self._do(name, f"level {level}", lambda: from_above(name, level))

    def lower(self, name: str, dimension: int, first: int, count: int, rounds: int = 25, polished: int = 3) -> None:
        """A search, unless it is there; its devices are kept if they are better than those before."""

        def search() -> dict[str, Any]:
            found, devices = from_below(name, dimension, range(first, first + count), rounds, polished)
            self.results, self.devices = read(RESULTS), read(DEVICES)  # another run may have added to them
            before = best(self.results.get(name, {}), "lower")
            if before is None or found["value"] > before["value"] + 1e-9:
                self.devices[name] = packed(devices)
                again = devices_of(sb.inequality(name), self.devices[name])
                found["value"] = float(sb.inequality(name).value(again.behaviour()))
                keep(DEVICES, self.devices)
            return found

        self._do(name, f"dimension {dimension}, starts {first} to {first + count - 1}", search)

    def _do(self, name: str, what: str, work: Any) -> None:
        pieces = self.results.setdefault(name, {})
        if what in pieces or self.over():
            return
        piece = work()
        self.results = read(RESULTS)  # another run may have added to it
        pieces = self.results.setdefault(name, {})
        pieces[what] = piece
        keep(RESULTS, self.results)
        print(
            f"{name}, {what}: {pieces[what]['value']:.10f}, gap {gap(pieces):.2e}, {pieces[what]['seconds']} s",
            flush=True,
        )


# --- the table --------------------------------------------------------------------------------------------------------


def rows(results: Results) -> list[dict[str, Any]]:
    """The rows of the table, of all inequalities that have both sides."""
    found = []
    for name in NAMES:
        pieces, expression = results.get(name, {}), sb.inequality(name)
        upper, lower, level_2 = best(pieces, "upper"), best(pieces, "lower"), pieces.get("level 2")
        if upper is None or lower is None or level_2 is None:
            continue
        a, b = (len(party) for party in expression.scenario.outcomes)
        known, above = expression.quantum, expression.quantum_upper
        total = sum(piece["seconds"] + piece.get("checks_seconds", 0.0) for piece in pieces.values())
        values = (a, b, expression.local, lower["value"], lower["dimension"], upper["value"], upper["level"])
        values += (upper["value"] - lower["value"], level_2["value"], level_2["seconds"], round(total, 2))
        published = ("", "", "")
        if LITERATURE in known.source and LITERATURE in above.source:
            published = (known.value, above.value, above.source.split(" of the hierarchy")[0])
        found.append(dict(zip(COLUMNS, (name, *values, upper["checkers"], *published), strict=True)))
    return found


def csv_text(table: Sequence[dict[str, Any]]) -> str:
    """The table as CSV, numbers with all their digits."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue()


def page_table(table: Sequence[dict[str, Any]]) -> str:
    """The table of the page."""
    lines = [
        "| name | settings | from below | dimension | from above | level | gap | CPU s | best known |",
        "|" + "---|" * 9,
    ]
    for r in table:
        known = ""
        if r["known_level"]:
            known = f"{r['known_lower']:.7f}"
            if r["known_upper"] - r["known_lower"] > 1.5e-7:
                known += f" to {r['known_upper']:.7f}"
        ends = f"{r['lower']:.9f} | {r['dimension']} | {r['upper']:.9f} | {r['level']} | {r['gap']:.1e}"
        lines.append(f"| {r['name']} | {r['settings_a']}, {r['settings_b']} | {ends} | {r['cpu_seconds']} | {known} |")
    return "\n".join(lines)


def summary(results: Results) -> str:
    """What is closed, what the literature leaves open and what of that is narrowed, and what it took."""
    table = rows(results)

    def named(found: Iterable[dict[str, Any]]) -> str:
        return ", ".join(row["name"] for row in found)

    tight = [row for row in table if row["gap"] < 1e-6]
    fair = [row for row in table if 1e-6 <= row["gap"] < 1e-4]
    alone = [row for row in tight if not row["known_level"]]
    second = [results[row["name"]]["level 2"] for row in table]
    qubits = [row for row in table if row["dimension"] == 2]
    closed = [row for row in table if row["level_2"] - row["lower"] < 1e-6]
    took, checking = (sum(piece[key] for piece in second) for key in ("seconds", "checks_seconds"))
    charged = max(piece.get("correction", 0.0) for row in table for piece in results[row["name"]].values())
    most = max(row["dimension"] for row in table)
    lines = [
        f"- **Closed to 1e-6: {len(tight)} of {len(table)}**, {len(closed)} of them at level 2: {named(tight)}.",
        f"- **Closed to 1e-4, but not to 1e-6: {len(fair)}**{': ' if fair else ''}{named(fair)}.",
        f"- Of those closed, {len(alone)} have no published value that was at hand: {named(alone)}.",
        f"- Level 2 of all takes {took:.0f} CPU seconds on one core, and both checkers {checking:.0f} more. Certifying "
        f"moved no bound, of any level, by more than {charged:.0e}.",
        f"- The best devices found are qubits for {len(qubits)}, and of 3 to {most} dimensions a side for the others.",
        "",
        "What the literature leaves open, that is by more than its digits:",
        "",
        "| name | published | wide | ours | level, dimension | wide | from above | from below |",
        "|" + "---|" * 8,
    ]
    for row in table:
        if not row["known_level"] or row["known_upper"] - row["known_lower"] < 1.5e-7:
            continue
        above, below = row["known_upper"] - row["upper"], row["lower"] - row["known_lower"]
        words = [
            f"narrower by {by:.1e}" if by > 1e-7 else f"wider by {-by:.1e}" if by < -1e-7 else "the same"
            for by in (above, below)
        ]
        lines.append(
            f"| {row['name']} | {row['known_lower']:.7f} to {row['known_upper']:.7f} | "
            f"{row['known_upper'] - row['known_lower']:.1e} | {row['lower']:.7f} to {row['upper']:.7f} | "
            f"{row['level']}, {row['dimension']} | {row['gap']:.1e} | {words[0]} | {words[1]} |"
        )
    return "\n".join(lines)


def between(text: str, part: str) -> tuple[str, str, str]:
    """A page before, in and after the part that is written by this program."""
    head, rest = text.split(f"<!-- {part}: begin -->")
    inside, tail = rest.split(f"<!-- {part}: end -->")
    return head, inside.strip(), tail


def write(results: Results) -> None:
    """The CSV file, and the tables of the page."""
    table = rows(results)
    TABLE.write_text(csv_text(table), encoding="utf-8")
    text = PAGE.read_text(encoding="utf-8")
    for part, new in zip(PARTS, (summary(results), page_table(table)), strict=True):
        head, _, tail = between(text, part)
        text = f"{head}<!-- {part}: begin -->\n\n{new}\n\n<!-- {part}: end -->{tail}"
    PAGE.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", default=NAMES, help="inequalities; default all")
    parser.add_argument("--levels", nargs="*", default=["2"], help="levels, where a gap remains; default 2")
    parser.add_argument("--dimensions", nargs="*", type=int, default=[2], help="of devices, where a gap remains")
    parser.add_argument("--starts", type=int, default=40, help="random starts of a search; default 40")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first start; default 0")
    parser.add_argument("--rounds", type=int, default=25, help="of the see-saw from each start; default 25")
    parser.add_argument("--polished", type=int, default=3, help="starts that go on to their end; default 3")
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="no piece of work begins after that, of CPU"
    )
    parser.add_argument("--write", action="store_true", help="write the tables")
    given = parser.parse_args()
    work = Work(given.seconds)
    for kind in ("level", "dimension"):
        for name in given.only:
            for step in given.levels if kind == "level" else given.dimensions:
                if gap(work.results.get(name, {})) < CLOSED:
                    continue
                if kind == "level":
                    work.upper(name, step)
                else:
                    work.lower(name, step, given.seed, given.starts, given.rounds, given.polished)
    if given.write:
        write(work.results)


if __name__ == "__main__":
    main()
