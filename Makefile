# What one can do here. `make demo` and `make test` do all the set-up themselves.
PYTHON ?= $(shell for v in 3.12 3.13 3.11; do if command -v python$$v >/dev/null && python$$v -c 'import venv, sys; sys.exit(sys.version_info[:2] < (3, 11))' 2>/dev/null; then echo python$$v; exit; fi; done; echo python3)
VENV := .venv
BIN := $(VENV)/bin
export PYTHONHASHSEED ?= 0
# the environment of the readers of instruments' files, beside that of ActiveLoop
export ACTIVELOOP_READERS ?= $(CURDIR)/$(VENV)/readers

.PHONY: help demo serve test lint types contracts unit audit browser readers docs images matrix bench pictures prior format clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1\t/' | expand -t 20

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

# torch first and alone: what depends on it then takes this build, not one with gigabytes of GPU libraries
$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.base

demo: $(VENV)/.base  ## a whole campaign against a simulated laboratory, in under two minutes
	$(BIN)/activeloop demo --out demo-output

$(VENV)/.server: pyproject.toml | $(VENV)/.base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[server]'
	@touch $@

serve: $(VENV)/.server  ## the laboratory's server on http://127.0.0.1:8300, campaigns in ./lab
	$(BIN)/activeloop serve lab

test: lint types contracts unit docs  ## everything a change must pass

lint: $(VENV)/.dev  ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## static types
	$(BIN)/pyright --pythonpath $(BIN)/python

contracts: $(VENV)/.dev  ## the order of the house
	$(BIN)/lint-imports

unit: $(VENV)/.dev  ## tests, doctests and every code block of the docs
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal -q

audit: $(VENV)/.dev  ## known vulnerabilities of installed packages; says so where it cannot ask
	$(BIN)/python -m tools.audit

browser:  ## Chromium, for the tests of the student's page, which CI never skips (Debian and its like; as root)
	command -v chromium >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; }

readers: $(VENV)/.dev  ## allotropy and opentrons, each in an environment of its own, and helm: for tests that CI never skips
	test -x $(VENV)/helm || $(BIN)/python -m tools.helm $(VENV)/helm
	test -d $(ACTIVELOOP_READERS)/allotropy || $(BIN)/activeloop readers install allotropy
	test -d $(VENV)/opentrons || { $(BIN)/python -m venv $(VENV)/opentrons && $(VENV)/opentrons/bin/python -m pip install --quiet 'opentrons>=8.8,<9'; }

docs: $(VENV)/.dev  ## the documentation, warnings as errors
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

images: $(VENV)/.dev  ## images of server and workers, without a daemon, tried and measured, and their bills of materials (as root)
	{ command -v buildah && command -v mmdebstrap; } >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends buildah mmdebstrap; }
	$(BIN)/python -m benchmarks images

matrix:  ## base install and demo on Python 3.11, 3.12 and 3.13, as far as they are there; says which ran
	$(PYTHON) -m tools.matrix

bench: $(VENV)/.dev  ## every figure in docs/results, anew (hours; needs ACTIVELOOP_DATA)
	$(BIN)/python -m benchmarks all
	$(BIN)/python -m benchmarks cost
	$(BIN)/python -m benchmarks kill
	$(BIN)/python -m benchmarks work
	$(BIN)/python -m benchmarks server
	$(BIN)/python -m benchmarks large
	$(BIN)/python -m benchmarks pages

pictures: $(VENV)/.dev  ## the pictures in the documentation, anew (needs ACTIVELOOP_DATA and Chromium)
	$(BIN)/python -m tools.plate_pictures
	$(BIN)/python -m tools.pictures

prior: $(VENV)/.dev  ## the substitution priors and their figures, anew (five minutes; needs ACTIVELOOP_DATA)
	$(BIN)/python -m tools.priors --out src/activeloop/priors
	$(BIN)/python -m benchmarks prior

format: $(VENV)/.dev  ## let the machine format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove what was built
	rm -rf $(VENV) docs/_build demo-output .pytest_cache .ruff_cache .hypothesis .import_linter_cache
