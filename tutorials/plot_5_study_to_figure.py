r"""
5. A study, from file to figure
===============================

A study is a file that says what is computed where. Its results go to a store that survives interruptions, with a
certificate for each bound.
"""

# %%
# The file
# --------
# Lists are axes; other parameters may follow from them.
from pathlib import Path
from tempfile import mkdtemp

folder = Path(mkdtemp())
study_file = folder / "sweep.toml"
study_file.write_text("""
name = "sweep"
visibilities = [0.98, 1.0]
quantities = ["guess_local", "chsh"]

[family]
kind = "singlet"
theta = [0.7, 0.8, 0.9, 1.0, 1.1, 1.2]
phi = 1.5
omega = "theta + pi/2"
""")

# %%
# The run
# -------
# On the command line this is ``sdpbound run sweep.toml``. Interrupted at any moment, the same call goes on where it
# was.
from sdpbound.study import Study, run_study

result = run_study(study_file, output=folder / "results", workers=0, progress=False)
print(result.rows, "rows, computed", result.computed, "failed", result.failed)
print("again:", run_study(study_file, output=folder / "results", workers=0, progress=False).computed, "computed")

# %%
# The table
# ---------
study = Study.load(study_file, output=folder / "results")
table = study.table()
guesses = table.where(quantity="guess_local")
print(len(guesses["value"]), "guessing probabilities, side", *set(guesses["side"]))

# %%
# A table is a CSV file, which anything reads; its hash is checked here.
from sdpbound.study import read_table

print(study.status().done, "cells done;", len(read_table(result.table)), "rows in", result.table.name)

# %%
# Every certificate, checked again without a solver: ``sdpbound verify sweep.toml``.
from sdpbound.study import audit

print(audit(study))

# %%
# Stores of several machines are merged, and a damaged one gives back the rows that are sound.
import sdpbound as sb
from sdpbound.study import merge, recover

print(merge([result.store], folder / "all.sqlite"), "rows merged")
damaged = folder / "damaged.sqlite"
damaged.write_bytes(result.store.read_bytes()[:-20_000])
try:
    Study.load(damaged).table()
except sb.DamagedStore as answer:
    print(answer)
print("rows recovered, and rows that are not sound:", recover(damaged, folder / "sound.sqlite"))

# %%
# The figure
# ----------
# ``sdpbound plot sweep.toml`` draws a default chart, as ``draw`` does. Your own takes a few lines.
import matplotlib.pyplot as plt

from sdpbound.study import draw

print([file.name for file in draw(study_file, result.table, folder)])

for v in (0.98, 1.0):
    rows = guesses.where(visibility=v, model="quantum")
    plt.plot(rows["theta"], rows["value"], "o-", label=f"visibility {v}")
plt.xlabel("theta (rad)")
plt.ylabel("guessing probability, quantum Eve")
plt.legend()
