# Kefu: `make run` starts the sample shop, `make test` tests everything. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
BOTS ?= bots/teahouse
COMPILE = uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
  --no-header --no-emit-index-url --no-emit-find-links --no-annotate --upgrade -q

.DEFAULT_GOAL := help
.PHONY: help install develop run test lint format bench lock clean

help:  ## list these commands
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

# Both return at once when nothing is missing.
install:  ## install what is missing to run (into .venv; compiles llama.cpp)
	@$(PYTHON) bots/install.py

develop:  ## install what is missing to run, test and measure
	@$(PYTHON) bots/install.py --dev

run: install  ## install what is missing, then start the sample shop (BOTS="my/bot …" starts yours)
	@$(PY) -m bots run $(BOTS)

test: develop  ## install what is missing, then run all tests
	@$(PY) -m tests.browser
	@$(PY) -m pytest -n 2 --dist worksteal -q

lint: develop  ## ruff, mypy --strict, the import contract
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-cache

format: develop  ## format the code
	@$(VENV)/bin/ruff check --fix-only --quiet .
	@$(VENV)/bin/ruff format .

bench: develop  ## measure, side by side with what one would use instead
	@$(PY) -m tests.bench

lock:  ## pin the newest dependencies that pyproject.toml allows (needs uv)
	$(COMPILE) --group dev -o requirements-dev.lock
	$(COMPILE) --constraint requirements-dev.lock -o requirements.lock

clean:  ## remove what was installed and built; conversations in .kefu/ stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
