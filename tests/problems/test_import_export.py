"""Problems from elsewhere and programs for elsewhere, read back by other code."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import sdpbound as sb
from sdpbound.conic.formats import read_sdpa
from sdpbound.conic.program import LinearMatrixInequality
from sdpbound.conic.solvers.choose import first_answer
from sdpbound.problems import Operator, Problem, from_ncpol2sdpa, from_sdpa
from sdpbound.recheck import recheck

A = Operator.observables("A0 A1", party="A")
B = Operator.observables("B0 B1", party="B")
CHSH = A[0] * (B[0] + B[1]) + A[1] * (B[0] - B[1])
TILTED = Problem([*A, *B], moments=[(A[0], -0.2, 0.3)])

#: Example 1 of the SDPA manual; its optimum is -41.9.
MANUAL = """"Example 1: mDim = 3, nBLOCK = 1, {2}"
3 = mDIM
1 = nBLOCK
2 = bLOCKsTRUCT
{48, -8, 20}
0 1 1 1 -11
0 1 2 2 23
1 1 1 1 10
1 1 1 2 4
2 1 2 2 -8
3 1 1 2 -8
3 1 2 2 -2
"""


def read_cbf(text: str) -> LinearMatrixInequality:
    """A reader of what the format's manual says of these sections, for tests only."""
    lines = [line for line in text.splitlines() if line.strip()]
    sections: dict[str, list[list[str]]] = {}
    k = 0
    while k < len(lines):
        name = lines[k]
        if name in ("VER", "OBJSENSE", "OBJBCOORD"):
            count, k = 1, k + 1
        else:
            count, k = int(lines[k + 1].split()[-1 if name in ("VAR", "CON") else 0]), k + 2
        sections[name] = [line.split() for line in lines[k : k + count]]
        k += count
    assert sections["OBJSENSE"] == [["MAX"]] and sections["VAR"][0][0] == "F"
    variables = int(sections["VAR"][0][1])
    linear = int(sections["CON"][0][1]) if "CON" in sections else 0
    sizes = tuple(int(row[0]) for row in sections.get("PSDCON", []))
    starts = linear + np.concatenate([[0], np.cumsum([n * (n + 1) // 2 for n in sizes])]).astype(int)
    cost, constant = np.zeros(variables), np.zeros(starts[-1])
    matrix = np.zeros((starts[-1], variables))
    for i, value in sections["OBJACOORD"]:
        cost[int(i)] = float(value)
    for i, v, value in sections.get("ACOORD", []):
        matrix[int(i), int(v)] += float(value)
    for i, value in sections.get("BCOORD", []):
        constant[int(i)] += float(value)
    for b, v, i, j, value in sections.get("HCOORD", []):
        assert int(i) >= int(j)
        matrix[starts[int(b)] + int(i) * (int(i) + 1) // 2 + int(j), int(v)] += float(value)
    for b, i, j, value in sections.get("DCOORD", []):
        constant[starts[int(b)] + int(i) * (int(i) + 1) // 2 + int(j)] += float(value)
    return LinearMatrixInequality(
        cost, float(sections["OBJBCOORD"][0][0]), sp.csc_array(matrix), constant, linear, sizes
    )


def test_three_formats(tmp_path: Path) -> None:
    known = TILTED.maximize(CHSH, "1").value
    programs = {}
    for ending in (".dat-s", ".cbf", ".json"):
        path = TILTED.export(CHSH, tmp_path / f"chsh{ending}", "1")
        programs[ending] = path.read_text(encoding="utf-8")
    own = read_sdpa(tmp_path / "chsh.dat-s")
    plain = json.loads(programs[".json"])
    matrix = np.zeros((len(plain["constant"]), len(plain["cost"])))
    for i, j, value in plain["matrix"]:
        matrix[i, j] = value
    for other in (own, read_cbf(programs[".cbf"])):
        assert (other.linear, list(other.sizes)) == (plain["linear"], plain["sizes"]) == (2, [5])
        assert np.array_equal(other.cost, plain["cost"]) and np.array_equal(other.constant, plain["constant"])
        assert np.array_equal(other.matrix.toarray(), matrix)
        assert first_answer(None, other, 1e-9).objective + plain["offset"] == pytest.approx(known, abs=1e-6)
    with pytest.raises(sb.InvalidInput, match="must end with"):
        TILTED.export(CHSH, tmp_path / "chsh.mps", "1")
    with pytest.raises(sb.InvalidInput, match="cannot be written: No such file or directory; choose another place"):
        TILTED.export(CHSH, tmp_path / "nowhere" / "chsh.cbf", "1")


@pytest.mark.parametrize("model", [sb.Quantum("1+AB"), sb.NoSignaling()], ids=repr)
def test_bell_programs(model: sb.Adversary, tmp_path: Path) -> None:
    """The offset is not part of sparse SDPA; its first line says it."""
    path = sb.export_program(sb.i3322(), model, tmp_path / "i3322.dat-s")
    first = path.read_text(encoding="utf-8").splitlines()[0]
    offset = float(first.split("the maximum is ")[1].split(" less")[0])
    value = first_answer(None, read_sdpa(path), 1e-9).objective + offset
    assert value == pytest.approx(sb.maximize(sb.i3322(), model).value, abs=1e-6)


def test_a_file_of_the_manual(tmp_path: Path) -> None:
    path = tmp_path / "example1.dat-s"
    path.write_text(MANUAL, encoding="utf-8")
    bound = from_sdpa(path).bound()
    assert -41.9 - 1e-9 <= bound.value <= -41.9 + 1e-4
    assert sb.verify(bound.certificate.data).holds and recheck(bound.certificate.data).holds


def test_from_sdpa_of_a_bell_program(tmp_path: Path) -> None:
    path = TILTED.export(CHSH, tmp_path / "chsh.dat-s", "1")
    bound = from_sdpa(path).bound()  # minimise -CHSH
    assert bound.value == pytest.approx(-TILTED.maximize(CHSH, "1").value, abs=1e-5)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t.replace("3 = mDIM", "x"), "no sparse SDPA file"),
        (lambda t: t.replace("2 = bLOCKsTRUCT", "0"), "cannot be read"),
        (lambda t: t + "4 1 1 1 1\n", "line 13 must be"),
        (lambda t: t + "1 1 1 3 1\n", "outside of block 1"),
        (lambda t: t + "1 1 1 1 inf\n", "not finite"),
        (lambda t: t.replace("2 = bLOCKsTRUCT", "500"), "at most 149"),
        (lambda t: t.replace("2 1 2 2 -8\n", ""), "stands in no block"),
    ],
)
def test_wrong_files(change: object, sentence: str, tmp_path: Path) -> None:
    assert callable(change)
    path = tmp_path / "wrong.dat-s"
    path.write_text(change(MANUAL), encoding="utf-8")
    with pytest.raises(sb.InvalidInput, match=sentence):
        from_sdpa(path)
    with pytest.raises(sb.InvalidInput, match="cannot be read"):
        from_sdpa(tmp_path / "missing.dat-s")


def test_from_ncpol2sdpa() -> None:
    """Scripts of its documentation, with its own functions where it is installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nc = pytest.importorskip("ncpol2sdpa")
        sympy = pytest.importorskip("sympy")
        dagger = __import__("sympy.physics.quantum.dagger", fromlist=["Dagger"]).Dagger
        x = nc.generate_operators("x", 2, hermitian=True)
        p, q = nc.generate_measurements([2, 2], "A"), nc.generate_measurements([2, 2], "B")
        z = nc.generate_variables("z", 2, commutative=True)
        a = nc.generate_operators("a", 2)
        table = nc.define_objective_with_I([[0, -1, 0], [-1, 1, 1], [0, 1, -1]], p, q)
        flat = nc.flatten([p, q])
        measured = {"substitutions": nc.projective_measurement_constraints(p, q)}
        example = {"inequalities": [-(x[1] ** 2) + x[1] + 0.5], "substitutions": {x[0] ** 2: x[0]}}
        third, least = [sympy.Rational(1, 3) - z[0]], 0.5 - 2**-0.5
        disc = [1 - z[0] ** 2 - z[1] ** 2]
        cases = [
            (x, 2, x[0] * x[1] + x[1] * x[0], example, -0.75),
            (flat, 1, table, measured, least),
            (flat, -1, table, measured | {"extramonomials": flat}, least),
            (z, 2, -z[0] * z[1], {"inequalities": disc}, -0.5),
            (z, 1, -z[0], {"inequalities": [1 - z[0] ** 2], "momentinequalities": third}, -1 / 3),
            (z, 1, -z[0], {"inequalities": disc, "momentequalities": [z[1] - 0.6]}, -0.8),
            (a, 1, dagger(a[0]) * a[1] + dagger(a[1]) * a[0], {"substitutions": nc.fermionic_constraints(a)}, -1.0),
        ]
    for variables, level, objective, rest, value in cases:
        bound = from_ncpol2sdpa(variables, level, objective, **rest).bound()
        assert value - 1e-5 <= bound.value <= value + 1e-9
        assert recheck(bound.certificate.data).holds
    with pytest.raises(sb.InvalidInput, match="cannot be read"):
        from_ncpol2sdpa(x, 1, sympy.sin(z[0]))
