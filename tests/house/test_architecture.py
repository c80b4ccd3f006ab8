"""The import rule, the public names, and that nothing but the backends touches a solver."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path

import sdpbound as sb
from tests.floors import LONG_FILES, LONG_FUNCTIONS, circles, floor, modules, picture, room

PACKAGE = Path(sb.__file__).parent
SOLVER_PACKAGES = {"clarabel", "scs", "sdpap", "qics", "cvxpy", "highspy", "ncpol2sdpa"}
LONGEST_FILE, LONGEST_FUNCTION = 450, 60


def test_no_circles_of_modules() -> None:
    """Deferred imports and those for type checkers count as well."""
    assert not circles({name: module.imports for name, module in modules().items()})


def test_imports() -> None:
    """Nothing private comes in from another file, imports go down the floors, and nothing is relative."""
    faults = []
    for name, module in modules().items():
        faults += [
            f"{name} imports {source}.{thing}, private to another file"
            for source, thing in module.names
            if thing.startswith("_") and thing != "__version__"
        ]
        faults += [f"{name} has relative imports"] * module.relative
        faults += [
            f"{name} imports {target}, which is not below it"
            for target in sorted(module.imports)
            if room(target) != room(name) and not floor(room(target)) < floor(room(name))
        ]
    assert not faults, "\n".join(faults)


def test_apart_from_the_rest() -> None:
    """The checker shares no code with what it checks, and the numerics know no physics."""
    for name, module in modules().items():
        rooms = {room(target) for target in module.imports}
        if room(name) == "checker":
            assert rooms <= {"checker", "errors"}
            # floats choose there what balls prove elsewhere, enclose numbers with their rounding, or look first
            floats = ("qubit_", "float_balls", "trials")
            assert "numpy" not in module.outside or name.removeprefix("sdpbound.checker.").startswith(floats)
        if room(name) == "recheck":
            assert rooms <= {"recheck", "errors"}, "the second checker shares no code with the first one either"
            assert module.outside & {"numpy", "scipy"} == set()
        if room(name) == "conic":
            assert rooms <= {"conic", "errors", "arrays", "arguments", "compiling", "registry", "limiting"}
    assert modules()["sdpbound.conic.certificate"].imports == {"sdpbound.conic.program", "sdpbound.arrays"}


def test_solvers_have_a_room_of_their_own() -> None:
    for name, module in modules().items():
        if name.startswith("sdpbound.conic.solvers.") and name.endswith("_"):
            continue
        if name != "sdpbound.npa.ncpol2sdpa_":
            assert not module.outside & SOLVER_PACKAGES, name
        assert "linprog" not in module.text, name
    databases = {name for name, module in modules().items() if "sqlite3" in module.outside}
    assert {room(name) for name in databases} == {"study.store"}


def test_sizes() -> None:
    """A file can be read in one sitting, a function on one page."""
    long = {name for name, module in modules().items() if module.text.count("\n") > LONGEST_FILE}
    assert long == set(LONG_FILES), "the list of exceptions is not what the code is"
    functions = {
        f"{name}.{function}"
        for name, module in modules().items()
        for function, lines in module.functions.items()
        if lines > LONGEST_FUNCTION
    }
    assert functions == set(LONG_FUNCTIONS), "the list of exceptions is not what the code is"


def test_faces() -> None:
    """Every room says what it is for, what may come in and what it hands on."""
    for name, module in modules().items():
        if module.path.name != "__init__.py" or name in ("sdpbound", "sdpbound.protocols"):
            continue
        text = " ".join(module.docstring.split())
        assert "What may come in: " in text, name
        assert "What is handed on: " in text, name


def test_lazy_faces_say_the_same_twice() -> None:
    """What type checkers read is what is imported when a name is asked for."""
    for package in ("sdpbound", "sdpbound.study"):
        tree = ast.parse(modules()[package].text)
        block = next(node for node in tree.body if isinstance(node, ast.If))
        typed = {a.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for a in node.names}
        call = next(node for node in ast.walk(tree) if isinstance(node, ast.Call))
        table = {name: module for module, names in ast.literal_eval(call.args[1]).items() for name in names.split(" ")}
        assert typed == table
        assert set(table) == set(import_module(package).__all__) - {"__version__"}
        for name in table:
            assert getattr(import_module(package), name) is getattr(import_module(table[name]), name)


def test_the_start_is_light() -> None:
    """``import sdpbound`` loads nothing that draws, models, stores or solves."""
    heavy = (
        "matplotlib",
        "pandas",
        "cvxpy",
        "ncpol2sdpa",
        "sympy",
        "clarabel",
        "scs",
        "sdpap",
        "qics",
        "scipy",
        "numpy",
    )
    code = f"import sys, sdpbound; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert found.stdout.strip() == "[]"


def test_the_page_on_architecture() -> None:
    """Its picture is drawn from the floors that the tests hold."""
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert picture(modules()) in page, "run `python -m tests.floors` to draw it again"
    for path in re.findall(r"`([a-z_0-9/]+(?:\.py|/))`", page):
        assert (PACKAGE / path).exists() or (PACKAGE.parent / path).exists(), f"{path} is not there"


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
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    names = [node.name for node in classes if "Protocol" not in map(ast.unparse, node.bases)]
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
