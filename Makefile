# Python 3.11 or later, make and git are all that a bare machine needs. `make help` lists the targets.
PYTHON ?= python3
STUDY ?= configs/breast_cancer.yaml
OUT ?= reports/$(basename $(notdir $(STUDY)))
PYTEST_ARGS ?=
# Processes that share the tests out, file by file; PYTEST_ARGS="-n 0" keeps them in one, as a debugger needs it.
TEST_WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
# A stamp carries the checksum of what was installed from: nothing is installed again until that changes.
KEY := $(shell cat pyproject.toml constraints.txt | cksum | cut -d ' ' -f 1)
CORE := $(VENV)/.installed-core-$(KEY)
TEST := $(VENV)/.installed-test-$(KEY)

.PHONY: help report test lint types check coverage gallery clean distclean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1\t\2/' | expand -t 16

report: $(CORE) ## run STUDY (configs/breast_cancer.yaml) into reports/
	$(BIN)/xai-compare run $(STUDY) --out $(OUT)

test: $(TEST) ## run the tests; more options by PYTEST_ARGS="-m slow"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(TEST) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TEST) ## mypy --strict
	$(BIN)/mypy --strict

check: lint types test ## everything that must pass before a change goes in

coverage: $(TEST) ## simulate how often intervals hold the truth, into docs/coverage.md
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.compare.write_coverage docs/coverage.md

gallery: $(TEST) ## run the studies of reports/gallery/ and take its pictures anew
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.browser.write_gallery

clean: ## remove caches, builds and the report of STUDY
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis $(OUT)
	find xai_compare tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## clean, and remove the virtual environment
	rm -rf $(VENV)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or later is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(CORE): | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@rm -f $(VENV)/.installed-core-*
	@touch $@

$(TEST): | $(CORE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	@rm -f $(VENV)/.installed-test-*
	@touch $@
