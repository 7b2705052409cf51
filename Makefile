# Two commands do everything from a bare checkout: `make demo` and `make test`.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test chaos lint types bench compare screenshots constraints clean

help: ## Shows this
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -m venv .venv || { echo "Python's venv module is missing. Debian, Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Setting up .venv (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

demo: .venv/installed ## Kills a worker in mid-work and shows what happens
	@$(BIN)/assured-jobs demo

test: .venv/installed lint types ## Everything that must hold
	@$(BIN)/python tests/servers.py
	$(BIN)/python -m pytest -n 4 --dist worksteal

DURATION ?= 120

chaos: .venv/installed ## Six workers under random faults for DURATION=120 seconds [SEED=...], then every crash case
	cd tests && ../$(BIN)/python -m chaos.run --seconds $(DURATION) $(if $(SEED),--seed $(SEED))
	EXAMPLES=3000 $(BIN)/python -m pytest -q tests/contract/test_machine.py
	EXAMPLES=1000 $(BIN)/python -m pytest -q -n 4 tests/contract/test_fuzz.py tests/cli/test_fuzz.py
	$(BIN)/python -m pytest -n 4 -m chaos

lint: .venv/installed ## Style, and the floors of the house
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: .venv/installed
	$(BIN)/mypy

bench: .venv/installed ## Figures, as ratios within one run
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/probe.py
	$(BIN)/python benchmarks/dashboard.py

screenshots: .venv/installed ## The README's pictures of the dashboard; needs chromium
	$(BIN)/python docs/screenshots.py

compare: .venv/installed ## The README's comparison with Dramatiq alone; five minutes
	$(BIN)/python benchmarks/comparison.py

constraints: .venv/installed ## Compiles constraints.txt anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra test --universal --quiet --no-header --no-annotate -o constraints.txt

clean: ## Removes what the others made
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
