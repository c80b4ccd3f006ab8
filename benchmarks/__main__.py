"""``python -m benchmarks [--quick] [--only NAME ...]``"""

import os

# one thread for every library, set before numpy is imported
for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON"):
    os.environ[f"{name}_NUM_THREADS"] = "1"

from benchmarks.run import main  # noqa: E402

if __name__ == "__main__":
    main()
