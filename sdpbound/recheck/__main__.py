"""``python -m sdpbound.recheck SECONDS BYTES [FILE]``: one certificate, from a file or from standard input."""

from __future__ import annotations

import sys

from sdpbound.recheck.apart import answer

print(answer(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None))
