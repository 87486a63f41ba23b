# `make` or `make help` lists what there is. Python 3.11, make and libgomp are all it needs.
# ARGS="…" is handed on: make run ARGS="data=cdnow", make test ARGS="tests/tables -x".

PYTHON ?= $(shell for p in python3.11 python3; do $$p -c '$(IS_3_11)' 2>/dev/null && echo $$p && break; done)
PORT ?= 5000
RUNS ?= mlruns

IS_3_11 = import sys; sys.exit(sys.version_info[:2] != (3, 11))
# LightGBM loads the system's OpenMP library; a slim image lacks it.
HAS_GOMP = import ctypes, sys; sys.platform == "linux" and ctypes.CDLL("libgomp.so.1")
NO_GOMP = libgomp is missing, which LightGBM needs. Debian, Ubuntu: apt-get install libgomp1; Fedora: dnf install libgomp; macOS: brew install libomp
LATEST = import sqlite3; print(*sqlite3.connect("$(RUNS)/mlflow.db").execute("select experiment_id from runs order by start_time desc limit 1").fetchone() or "")

BIN := .venv/bin
READY := .venv/.ready
PIP := $(BIN)/python -m pip install --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help setup run test slow browser ui evidence lint clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## create .venv and install the pinned set (the others call it)

# The stamp holds the folder: a moved checkout gets a new .venv, since the scripts in it hold paths.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif

$(READY): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" && "$(PYTHON)" -c '$(IS_3_11)' 2>/dev/null || { echo "Python 3.11 is needed; say where it is: make setup PYTHON=/path/to/python3.11" >&2; exit 2; }
	@"$(PYTHON)" -c '$(HAS_GOMP)' 2>/dev/null || { echo "$(NO_GOMP)" >&2; exit 2; }
	@! test -f $(READY) || test "$$(cat $(READY))" = "$(CURDIR)" || rm -rf .venv
	@test -x $(BIN)/pip || "$(PYTHON)" -m venv .venv || { rm -rf .venv; echo "Python's venv module is missing. Debian, Ubuntu: apt-get install python3.11-venv" >&2; exit 2; }
	$(PIP) $(if $(wildcard $(READY)),-q) -r requirements.lock
	$(PIP) -q --no-deps --no-build-isolation -e .
	@$(BIN)/python -c 'import lightgbm' || { echo "$(NO_GOMP)" >&2; exit 2; }
	@echo "$(CURDIR)" > $(READY)

run: setup ## the main job on real data, about five minutes
	@$(BIN)/facette train $(ARGS)

test: setup ## all tests but those marked slow, spark, browser or evidence
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

slow: setup ## the tests marked slow: whole runs, every notebook, simulations
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "slow and not spark and not browser and not evidence" $(ARGS)

browser: setup ## the report and the tracking page in a real browser (Debian: apt-get install chromium)
	@$(BIN)/python -m pytest tests/browser -m browser $(ARGS)

ui: setup ## open the tracking page on mlruns/ (PORT=5000, RUNS=another folder)
	@test -f $(RUNS)/mlflow.db && test -n "$$($(BIN)/python -c '$(LATEST)')" || { echo "No run yet under $(RUNS)/; make one first: make run" >&2; exit 2; }
	@$(BIN)/python -m facette.registry.anchor $(RUNS)/mlflow.db $(RUNS)/artifacts
	@echo "Open http://127.0.0.1:$(PORT)/#/experiments/$$($(BIN)/python -c '$(LATEST)')/runs?workflowType=machine_learning (Ctrl-C ends it)"
	@PYTHONWARNINGS=ignore MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_DISABLE_TELEMETRY=true \
		$(BIN)/python -m mlflow server \
		--backend-store-uri sqlite:///$(RUNS)/mlflow.db --workers 1 --host 127.0.0.1 --port $(PORT)

evidence: setup ## compute the claims afresh and render docs/evidence.md (ONLY=name for some)
	@failed=0; $(BIN)/python -m pytest tests/evidence -m evidence -k "$(ONLY)" $(ARGS) || failed=$$?; \
	test $$failed -ne 5 || echo "no claim $(if $(ONLY),is called $(ONLY),is made yet under tests/evidence/)" >&2; \
	$(BIN)/python tests/evidence/render.py docs/evidence docs/evidence.md || failed=1; exit $$failed

lint: setup ## ruff, mypy and the import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

clean: ## remove caches and build leftovers; data, runs and .venv stay
	rm -rf build dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
