"""Ten million rounds from a file to bits, in a process of its own whose time and memory are measured."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.experiments.samples import HONEST, rounds

CODE = """
import json, resource, sys, time
import sdpbound as sb
start = time.process_time()
output = sb.extract(sb.Counts.from_csv(sys.argv[1]), sb.read_protocol(sys.argv[2]))
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([int(output.bits.size), time.process_time() - start, memory]))
"""
PROTOCOL = """
kind = "randomness"
rounds = 10_000_000
correlators = [[0.66, 0.66], [0.66, -0.66]]
observed = "chsh"
test_probability = 0.125
"""


@pytest.mark.slow
def test_ten_million_rounds(tmp_path) -> None:
    columns = rounds(HONEST, 10_000_000, 0.125, np.random.default_rng(1))
    lines = np.full((10_000_000, 10), ord(","), dtype=np.uint8)
    for place, column in enumerate(columns):
        lines[:, 2 * place] = column.astype(np.uint8) + ord("0")
    lines[:, -1] = ord("\n")
    (tmp_path / "rounds.csv").write_bytes(b"x,y,a,b,test\n" + lines.tobytes())
    (tmp_path / "protocol.toml").write_text(PROTOCOL)
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "rounds.csv"), str(tmp_path / "protocol.toml")],
        capture_output=True,
        check=True,
        timeout=500,
    )
    length, seconds, memory = json.loads(done.stdout)
    assert length > 5_000_000 and seconds < 60.0 and memory < 2e9
