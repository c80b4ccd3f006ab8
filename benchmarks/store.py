"""The store at a million rows: ``python -m benchmarks.store [ROWS]``. Synthetic rows, each column of a rate filled."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from time import perf_counter

from sdpbound.study.store import Store
from sdpbound.study.store.answer import Answer
from sdpbound.tables.columns import STORED, Row

__all__ = ["measure"]

_READ = """
import json, sys
from benchmarks.store import read_all, resume
from benchmarks.memory import peak_mb
from time import perf_counter
from sdpbound.study.store import Store
rows = int(sys.argv[2])
base = peak_mb()
with Store.read(sys.argv[1]) as store:
    start = perf_counter()
    found = resume(store, rows)
    middle = perf_counter()
    read = read_all(store, rows)
    end = perf_counter()
    counts = store.counts()
    counted = perf_counter()
assert found == read == rows == sum(counts.values()), (found, read, counts)
print(json.dumps({"resume": middle - start, "read": end - middle, "counts": counted - end, "peak_mb": peak_mb(),
                  "imports_mb": base}))
"""


def key_of(i: int) -> bytes:
    """The key of the row i."""
    return blake2b(i.to_bytes(8, "little"), digest_size=16).digest()


def row_of(i: int) -> Row:
    """A row such as a study of key rates gives."""
    number = random.Random(i).random()
    row: Row = {name: {float: number, int: i % 2, str: "text"}[kind] for name, kind in STORED.items()}
    row |= {"place": None, "theta": 1.0 + number / 7, "phi": 1.5 + number / 9, "omega": 2.6 + number / 11}
    row |= {"observed": "correlators", "model": "quantum", "level": "1+AB", "quantity": "key_rate", "side": "lower"}
    row |= {"method": "certified", "security": "collective attacks", "solver": "clarabel", "status": "solved"}
    row |= {"error": None, "certificate": blake2b(key_of(i), digest_size=16).hexdigest(), "sdp_certificate": None}
    return row


def resume(store: Store, rows: int, size: int = 5000) -> int:
    """Ask for all keys, as a run does that begins; how many are there."""
    return sum(
        len(store.present([key_of(i) for i in range(start, min(start + size, rows))])) for start in range(0, rows, size)
    )


def read_all(store: Store, rows: int) -> int:
    """Read all rows in the order of the study; their number."""
    return sum(1 for _ in store.rows(key_of(i) for i in range(rows)))


def batches(first: int, last: int, size: int) -> Iterator[list[tuple[list[bytes], Answer]]]:
    """Answers of one row each."""
    for start in range(first, last, size):
        yield [([key_of(i)], Answer([[row_of(i)]])) for i in range(start, min(start + size, last))]


def measure(rows: int = 1_000_000) -> dict[str, float]:
    """Seconds of what is done with a store of many rows.

    fill (batches of 5000), small (of 256, for each 1000 rows; the last tenth), close, open (with its check of the
    pages), check (of everything), resume (present, of all keys), read (all rows, in the study's order), counts; the
    largest memory of a process that resumes and reads, what of it its imports take, and the size of the file, in MB
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "million.sqlite"
        result: dict[str, float] = {}
        with Store.write(path) as store:
            run = store.begin({"benchmark": rows})
            last = rows - rows // 10
            made, start = 0.0, perf_counter()
            for size, first, end, name in ((5000, 0, last, "fill"), (256, last, rows, "small")):
                made, start = 0.0, perf_counter()
                begin = start
                for batch in batches(first, end, size):
                    made += perf_counter() - begin
                    store.add(run, batch)
                    begin = perf_counter()
                result[name] = begin - start - made
            result["small"] *= 1000 / max(rows - last, 1)
            start = perf_counter()
        result["close"] = perf_counter() - start
        start = perf_counter()
        with Store.write(path) as store:
            result["open"] = perf_counter() - start
            start = perf_counter()
            store.check()
            result["check"] = perf_counter() - start
        done = subprocess.run(
            [sys.executable, "-c", _READ, str(path), str(rows)], capture_output=True, text=True, check=True
        )
        return result | json.loads(done.stdout) | {"file_mb": path.stat().st_size / 2**20}


if __name__ == "__main__":
    for name, value in measure(*map(int, sys.argv[1:])).items():
        print(f"{name:12} {value:10.3f}")
