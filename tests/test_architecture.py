"""The import rule, the public names, and that nothing but the backends touches a solver."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

import sdpbound as sb

PACKAGE = Path(sb.__file__).parent
#: Downward only: a module may import from its own layer and from those below it.
LAYERS = [
    ["errors", "version", "arguments"],
    [
        "scenario",
        "noise",
        "outcome_noise",
        "bell",
        "behaviour",
        "families",
        "strategies",
        "algebra",
        "levels",
        "relaxation",
        "models",
        "quadrature",
    ],
    ["assemble", "assemble_entropy", "assemble_radau"],
    ["qubits"],
    ["bounds"],
    ["merits", "attacks", "self_tests"],
    ["protocols", "rates"],
    ["rate_upper_bounds", "thresholds", "best_tests", "critical_points", "finite_size"],
    ["cli", "study", "computed_table", "plotting", "__main__", "__init__"],
]
CONIC_MAY_IMPORT = {"conic", "errors"}
PHYSICS = set(LAYERS[1])
SOLVER_PACKAGES = {"clarabel", "scs", "sdpap", "qics", "cvxpy", "highspy"}


def modules() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py"))


def imports(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append(node.module or "")
    return found


def head(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_import_rule(path: Path) -> None:
    name = head(path)
    own = {m.split(".")[1] for m in imports(path) if m.startswith("sdpbound.") and m.count(".")}
    outside = {m.split(".")[0] for m in imports(path)} - {"sdpbound"}
    if name == "checker":
        assert own <= {"errors", "checker"}
        assert "numpy" not in outside
        return
    if name == "conic":
        assert own <= CONIC_MAY_IMPORT
        if path.name == "certificate.py":
            assert {m for m in imports(path) if m.startswith("sdpbound.")} <= {"sdpbound.conic.program"}
        if not path.stem.endswith("_"):
            assert not outside & SOLVER_PACKAGES
        return
    assert not outside & SOLVER_PACKAGES
    level = next(i for i, layer in enumerate(LAYERS) if name in layer)
    allowed = {m for layer in LAYERS[: level + 1] for m in layer}
    if name not in PHYSICS and name not in LAYERS[0]:
        allowed |= {"conic"}
    if level >= LAYERS.index(["bounds"]):
        allowed |= {"checker"}
    assert own <= allowed, f"{path.name} imports {sorted(own - allowed)}"


def room_imports(path: Path) -> list[tuple[str, str]]:
    """(module, name) of all imports from this package, wherever they stand in the file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sdpbound"):
            found += [(node.module or "", alias.name) for alias in node.names]
    return found


#: Packages in which nothing private crosses a file and no imports run in a circle; to become all of them.
IN_ORDER = ["checker"]


@pytest.mark.parametrize("room", IN_ORDER)
def test_a_room_in_order(room: str) -> None:
    """No private name is imported from another file, and the modules can be laid in floors."""
    arrows: dict[str, set[str]] = {}
    for path in sorted((PACKAGE / room).rglob("*.py")):
        imported = room_imports(path)
        assert not [name for _, name in imported if name.startswith("_")], path.name
        arrows[f"sdpbound.{room}.{path.stem}"] = {
            module for module, _ in imported if module.startswith(f"sdpbound.{room}.")
        }
    arrows[f"sdpbound.{room}"] = arrows.pop(f"sdpbound.{room}.__init__")
    while arrows:
        lowest = [module for module, below in arrows.items() if not below & arrows.keys()]
        assert lowest, f"these import each other in a circle: {sorted(arrows)}"
        for module in lowest:
            del arrows[module]


def test_promised_names() -> None:
    promised = (
        "SingletSelfTest chsh tilted_chsh asymmetric_chsh chained i3322 cglmp correlators_self_test Behaviour "
        "Observations BellExpression Quantum NoSignaling Local maximize minimize guessing_probability min_entropy "
        "key_rate randomness_rate Rate Bound MinEntropy InvalidInput conditional_entropy VonNeumann entropy_envelope "
        "finite_key_length finite_randomness_length minimum_rounds FiniteSecurity FiniteLength "
        "conditional_entropy_upper_bound EntropyAttack convex_combination_attack key_rate_upper_bound "
        "randomness_rate_upper_bound"
    )
    missing = [name for name in promised.split(" ") if not hasattr(sb, name)]
    assert not missing
    assert sorted(sb.__all__, key=str.lower) == sorted(set(sb.__all__), key=str.lower)
    for name in sb.__all__:
        thing = getattr(sb, name)
        if callable(thing):
            assert thing.__doc__, f"{name} has no docstring"


def test_every_error_is_one_of_ours() -> None:
    tree = ast.parse((PACKAGE / "errors.py").read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    doc = sb.SdpboundError.__module__ and (PACKAGE / "errors.py").read_text(encoding="utf-8").split('"""')[1]
    for name in names:
        assert name in doc, f"{name} is missing from the tree in the docstring"
        assert issubclass(getattr(sb, name), sb.SdpboundError)


def test_a_missing_optional_solver_breaks_nothing() -> None:
    """With every solver package but Clarabel and SciPy made unimportable, everything still runs."""
    code = """
import sys
for name in ("sdpap", "qics", "scs", "cvxpy", "ncpol2sdpa", "numba"):
    sys.modules[name] = None
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if sys.modules.get(name, 0) is None else find(name, package)
import sdpbound as sb
assert abs(sb.maximize(sb.i3322(), sb.Quantum("1+AB")).value - 0.2514709) < 1e-6
assert sb.maximize(sb.chsh(), sb.NoSignaling()).value == 4.0
try:
    sb.maximize(sb.chsh(), sb.Quantum("1"), solver="sdpa")
except sb.InvalidSolver as error:
    assert "install" in str(error)
else:
    raise SystemExit("no error")
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_typed_package() -> None:
    assert (PACKAGE / "py.typed").exists()
    assert distribution("sdpbound").version == sb.__version__
