# `make demo`, `make test`, `make lint` set themselves up: one virtual environment, from constraints.txt.
PYTHON ?= python3
VENV := .venv
# Most tests wait more than they compute.
JOBS ?= 3
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Node programs that some tests need: those are skipped, visibly, where there is no npm.
NODE := tests/integration/independent_slack
MODULES := $(NODE)/node_modules/.package-lock.json

.PHONY: demo test lint format bench screenshots constraints clean

demo: $(STAMP)
	@$(BIN)/stationmaster demo $(if $(ONCE),--once '$(ONCE)') $(ARGS)

test: $(STAMP) $(MODULES)
	$(BIN)/python -m pytest -rs --numprocesses $(JOBS) --dist loadfile $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)
	$(BIN)/python -m tests.benchmarks $(ARGS)

screenshots: $(STAMP)
	SCREENSHOTS=docs/images $(BIN)/python -m pytest tests/integration/test_people.py $(ARGS)

constraints: $(STAMP)
	@mkdir -p build
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --quiet \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header --output-file build/constraints.txt
	{ head -n 1 constraints.txt; grep -v '^#' build/constraints.txt; } > build/constraints.new
	mv build/constraints.new constraints.txt

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
	  "Stationmaster needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 demo")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "Could not make a virtual environment. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Installing into $(VENV) (TensorFlow is large: a few minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	  --editable '.[trainer,pipeline,sandbox,serve,dev]'
	@touch $@

$(MODULES): $(NODE)/package.json $(NODE)/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix $(NODE) --no-audit --no-fund --loglevel=error && touch $@; \
	  else echo "There is no npm: the tests against another Slack and Slack's own types will be skipped."; fi

clean:
	rm -rf $(NODE)/node_modules $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
