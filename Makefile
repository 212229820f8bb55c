# Two commands on a fresh machine: `make demo` and `make test`. Each first makes .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: .venv demo docs links paper paper-full test test-slow test-interop test-lowest test-newest lint types examples check clean

.venv: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lowreel needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0 --constraint constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]' --constraint constraints.txt
	touch $@

demo: .venv
	$(BIN)/lowreel demo

test: .venv
	$(BIN)/python -m pytest --numprocesses logical --dist worksteal

test-slow: .venv
	$(BIN)/python -m pytest -m slow

# deepinv needs torchvision, which has no build for the pinned CPU torch: it gets the index's newest torch, 6 GB.
test-interop: .venv-interop/installed
	.venv-interop/bin/python -m pytest tests/interop

.venv-interop/installed: pyproject.toml
	$(PYTHON) -m venv .venv-interop
	.venv-interop/bin/pip install --quiet --disable-pip-version-check deepinv==0.5.0 'pytest>=8' --editable '.[interop]'
	touch $@

# The lowest versions that pyproject.toml states and that have wheels, and the newest: tests that touch every library.
LIBRARIES := tests/io tests/system tests/model tests/packing tests/api tests/cli tests/operators/test_adapters.py \
  tests/jobs/test_request.py tests/jobs/test_cluster.py tests/web

test-lowest test-newest: test-%: .venv-%/installed
	.venv-$*/bin/python -m pytest -W default --numprocesses logical --dist worksteal $(LIBRARIES)

.venv-lowest/installed: RESOLUTION := lowest-direct
.venv-newest/installed: RESOLUTION := highest
.venv-lowest/installed .venv-newest/installed: .venv-%/installed: pyproject.toml
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/pip install --quiet --disable-pip-version-check uv
	.venv-$*/bin/uv pip install --quiet --python .venv-$*/bin/python --resolution $(RESOLUTION) \
	  --only-binary :all: --no-binary lowreel --editable '.[dev]'
	touch $@

lint: .venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv
	$(BIN)/mypy

# The paper's tables and figures: named sequences and fewer epochs, hours; ten sequences and all epochs, a day.
paper: .venv
	$(BIN)/python experiments/paper/all.py

paper-full: .venv
	$(BIN)/python experiments/paper/all.py --full

# The site in docs/_build/html, from the pages of docs and the docstrings; a warning is an error, nothing is fetched.
docs: .venv
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --jobs 1 docs docs/_build/html

# Each example, and its picture; those that the pages show are docs/gallery/*.png: make examples GALLERY=docs/gallery.
GALLERY := docs/_build/gallery

examples: .venv
	for script in examples/*.py; do echo "$$script"; MPLBACKEND=Agg $(BIN)/python docs/gallery.py "$$script" $(GALLERY) || exit 1; done

# The links of the pages to other sites, for which the network is wanted; those between the pages are a test.
links: .venv
	$(BIN)/sphinx-build --quiet -b linkcheck docs docs/_build/links

check: lint types docs examples test

clean:
	rm -rf docs/_build docs/notebooks .venv .venv-interop .venv-lowest .venv-newest
