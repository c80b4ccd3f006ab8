"""The program itself: a start that loads nothing heavy, readers that go away, and all commands by name."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import pytest
import typer

import sdpbound as sb
from sdpbound.cli import app
from sdpbound.cli.groups import Options

ANGLES = ["--theta", "1", "--phi", "1.5", "--omega", "2.6"]
#: Packages that compute, draw or model; newer versions of typer import pydantic themselves.
HEAVY = "clarabel cvxpy flint highspy matplotlib ncpol2sdpa numpy pandas pyarrow qics scipy scs sdpap sympy"


def commands(command=None, path=()):
    """Every command with its path."""
    command = typer.main.get_command(app) if command is None else command
    if not hasattr(command, "list_commands"):
        yield path, command
        return
    for name in command.list_commands(None):
        yield from commands(command.get_command(None, name), (*path, name))


COMMANDS = dict(commands())


def started(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "sdpbound", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_version(call):
    assert call("--version").out == f"sdpbound {sb.__version__}\n"


LIGHT = [
    ["--version"],
    ["--help"],
    ["rate"],
    ["value"],
    ["value", "--tehta"],
    *([*path, "--help"] for path in COMMANDS),
]


@pytest.fixture(scope="module")
def started_lightly() -> dict[str, list]:
    """The status of each command line, and the packages loaded so far: one process runs them one after the other."""
    text = (
        "import sys, json, sdpbound.cli as c\n"
        "for words in json.loads(sys.argv[1]):\n"
        "    status = c.run(words)\n"
        "    loaded = sorted({m.split('.')[0] for m in sys.modules})\n"
        "    print('\\nRAN ' + json.dumps([words, status, loaded]), file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", text, json.dumps(LIGHT)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    ran = [json.loads(line[4:]) for line in done.stderr.decode().splitlines() if line.startswith("RAN ")]
    assert len(ran) == len(LIGHT)
    return {" ".join(words): [status, loaded] for words, status, loaded in ran}


@pytest.mark.parametrize("arguments", LIGHT, ids=" ".join)
def test_help_and_errors_import_nothing_heavy(arguments, started_lightly):
    status, loaded = started_lightly[" ".join(arguments)]
    assert status == (2 if arguments[0] == "value" and arguments[-1] != "--help" else 0)
    assert not set(loaded) & set(HEAVY.split())


def test_the_version_loads_no_command():
    text = "import sys, sdpbound.cli as c; c.run(['--version']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60)
    own = {name for name in done.stdout.split() if name.startswith("sdpbound.cli.")}
    assert own == {f"sdpbound.cli.{name}" for name in ("program", "clicks", "output")}


def test_as_a_process():
    with started("value", *ANGLES, "--model", "local") as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and b"Bell value" in out and err == b""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        pytest.param([], marks=pytest.mark.slow),
        ["--version"],
        pytest.param(["rate"], marks=pytest.mark.slow),
        pytest.param(["rate", "key", "--help"], marks=pytest.mark.slow),
        pytest.param(["families"], marks=pytest.mark.slow),
        ["schema"],
        ["value", *ANGLES, "--model", "local"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_reader_that_goes_away_is_no_error(arguments):
    """As in ``sdpbound --help | head -1``."""
    with started(*arguments) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_says_what_it_does_and_takes(path, call):
    command = COMMANDS[path]
    assert command.name == path[-1] and command.help
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.name != "help":
            assert parameter.help, parameter.name
    assert f"Usage: sdpbound {' '.join(path)} " in call(*path, "--help").out


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_functions_of_commands_take_few_parameters(path):
    function = inspect.unwrap(COMMANDS[path].callback)
    assert len(inspect.signature(function).parameters) <= 7


def test_devices_are_the_same_options_everywhere():
    """All options of a group are of every command that takes it, with the same help, but for those searched for."""
    shared: dict[str, set[tuple[str, str | None]]] = {}
    with_devices = [path for path, command in COMMANDS.items() if any(p.name == "observed" for p in command.params)]
    assert len(with_devices) == 7
    for path in with_devices:
        for parameter in COMMANDS[path].params:
            shared.setdefault(parameter.name, set()).add((parameter.help, repr(parameter.default)))
    for name in ("family", "at", "behaviour", "theta", "dephasing", "axis", "misalignment", "noise", "efficiency"):
        assert len(shared[name]) == 1, name
    missing = {
        path: [n for n in ("visibility", "efficiency", "noise") if n not in {p.name for p in COMMANDS[path].params}]
        for path in with_devices
    }
    assert {path: names for path, names in missing.items() if names} == {
        ("threshold", "visibility"): ["visibility"],
        ("threshold", "efficiency"): ["efficiency"],
    }


def test_options_of_groups_are_frozen():
    modules = [module for name, module in sys.modules.items() if name.startswith("sdpbound.cli.")]
    kinds = {
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Options) and kind is not Options
    }
    assert {"MemberOptions", "DeviceOptions", "AdversaryOptions", "Output", "Machines"} <= {
        kind.__name__ for kind in kinds
    }
    for kind in kinds:
        assert kind.__dataclass_params__.frozen and "__slots__" in vars(kind), kind
