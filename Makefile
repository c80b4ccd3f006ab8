# Two commands: `make run` and `make test`. Both set up .venv from the lock file first, if that is not done yet.
SHELL := /bin/sh
VENV ?= .venv
DOCS_VENV ?= .venv-docs
BIN := $(VENV)/bin
WORKERS ?= 2
# the newest Python found that is at least 3.11; override with `make PYTHON=...`
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
  if command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
  then command -v $$p; break; fi; done)
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export MPLBACKEND ?= Agg
# bytecode is kept, here and in the many processes that tests start: without it each compiles the package, in more than a second
export PYTHONDONTWRITEBYTECODE =

.PHONY: help setup run test style types tests quick test-slow test-overnight test-browser lint figures studies bench wheel dist man docs clean

help:
	@echo "make run        run studies/near_local_boundary.toml: table and figures in results/"
	@echo "make test       lint, types, tests and doctests"
	@echo "make quick      lint, types and the tests nearest to what changed, within a minute"
	@echo "make test-slow  the tests that take minutes"
	@echo "make test-overnight  the qubit method on 100 000 random data sets"
	@echo "make test-browser  the explorer's page in a headless Chromium, which must be installed; installs .[browser]"
	@echo "make figures    redraw every figure from its table, and docs/gallery.md; not those of slow studies"
	@echo "make studies    run the slow studies too, an hour on two cores, and draw their figures"
	@echo "make bench      benchmarks against the peers"
	@echo "make wheel      build the wheel"
	@echo "make dist       build sdist and wheel from the tracked files, the same bytes each time"
	@echo "make man        write the manual page dist/man/sdpbound.1"
	@echo "make docs       build the documentation site in build/site, in an environment of its own"

setup: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "sdpbound needs Python 3.11 or newer; install it or say make PYTHON=..." >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -c "from sdpbound.entropies.preparing import prepare; prepare()"
	@touch $@

run: setup
	$(BIN)/sdpbound run studies/near_local_boundary.toml --workers $(WORKERS) --run-figure-script

# types are checked beside the tests, as they leave a core idle
test: style
	@$(MAKE) --no-print-directory -j 2 types tests

tests: setup
	$(BIN)/python -m pytest -n $(WORKERS)

quick: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m tests.changed

test-slow: setup
	$(BIN)/python -m pytest -m slow

test-overnight: setup
	$(BIN)/python -m tests.overnight --workers $(WORKERS)

test-browser: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r tests/explore/requirements.lock
	$(BIN)/python -m pytest -s -m slow tests/explore/test_browser.py

lint: style types

style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

figures: setup
	$(BIN)/python figures/gallery.py --run
	$(BIN)/python docs/_ext/pictures.py

studies: setup
	$(BIN)/python figures/gallery.py --run --slow

bench: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r benchmarks/requirements.lock
	$(BIN)/python -m benchmarks

wheel: setup
	$(BIN)/python -m build --no-isolation --wheel

dist: setup
	$(BIN)/python -m tests.distributions dist

man: setup
	$(BIN)/python -m tests.manual dist/man

docs: $(DOCS_VENV)/.installed
	rm -rf build/site
	$(DOCS_VENV)/bin/python -m sphinx -b html -j $(WORKERS) -W --keep-going -d build/site-doctrees docs build/site

$(DOCS_VENV)/.installed: requirements-docs.lock requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "sdpbound needs Python 3.11 or newer; install it or say make PYTHON=..." >&2; exit 1; }
	test -x $(DOCS_VENV)/bin/python || $(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.lock
	$(DOCS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(DOCS_VENV)/bin/python -c "from sdpbound.entropies.preparing import prepare; prepare()"
	@touch $@

clean:
	rm -rf $(VENV) $(DOCS_VENV) build dist *.egg-info
