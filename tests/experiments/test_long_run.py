"""Ten million rounds from a file to bits or a key, in a process of its own whose time and memory are measured."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.protocols.running.sampling import draw
from tests.experiments.samples import HONEST, rounds

CODE = """
import json, re, sys, time
import sdpbound as sb
start = time.process_time()
counts, protocol = sb.Counts.from_csv(sys.argv[1]), sb.read_protocol(sys.argv[2])
if protocol.length.kind == "key":
    key = sb.distil_key(counts, protocol)
    length = key.length * key.keys_equal
else:
    length = int(sb.extract(counts, protocol).bits.size)
# the largest size of this program; that of getrusage may be the one of the process that started it
memory = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print(json.dumps([length, time.process_time() - start, memory]))
"""
PROTOCOL = """
kind = "randomness"
rounds = 10_000_000
correlators = [[0.66, 0.66], [0.66, -0.66]]
observed = "chsh"
test_probability = 0.125
"""
KEY = """
kind = "key"
rounds = 10_000_000
correlators = [[0.68, 0.68, 0.98], [0.68, -0.68, 0.0]]
x = 0
y = 2
efficiency = 1.15
test_probability = 0.0625
method = "renyi"
"""


def written(folder: Path, columns: Sequence[np.ndarray], protocol: str) -> list[str]:
    lines = np.full((10_000_000, 10), ord(","), dtype=np.uint8)
    for place, column in enumerate(columns):
        lines[:, 2 * place] = column.astype(np.uint8) + ord("0")
    lines[:, -1] = ord("\n")
    (folder / "rounds.csv").write_bytes(b"x,y,a,b,test\n" + lines.tobytes())
    (folder / "protocol.toml").write_text(protocol)
    return [str(folder / "rounds.csv"), str(folder / "protocol.toml")]


def measured(files: list[str]) -> tuple[int, float, float]:
    done = subprocess.run([sys.executable, "-c", CODE, *files], capture_output=True, check=True, timeout=500)
    length, seconds, memory = json.loads(done.stdout)
    print(f"{length} bits, {seconds:.1f} s of CPU time, {memory / 1e9:.2f} GB")
    return length, seconds, memory


@pytest.mark.slow
def test_ten_million_rounds(tmp_path: Path) -> None:
    columns = rounds(HONEST, 10_000_000, 0.125, np.random.default_rng(1))
    length, seconds, memory = measured(written(tmp_path, columns, PROTOCOL))
    assert length > 5_000_000 and seconds < 60.0 and memory < 2e9


@pytest.mark.slow
def test_ten_million_rounds_to_a_key(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    devices = sb.Behaviour.from_correlators([[0.68, 0.68, 0.98], [0.68, -0.68, 0.0]])
    tests = rng.random(10_000_000) < 0.0625
    x, y = np.where(tests, rng.integers(0, 2, tests.size), 0), np.where(tests, rng.integers(0, 2, tests.size), 2)
    a, b = draw(devices, x, y, rng)
    length, seconds, memory = measured(written(tmp_path, (x, y, a, b, tests), KEY))
    assert length > 5_000_000 and seconds < 60.0 and memory < 2e9
