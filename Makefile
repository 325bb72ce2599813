# Kefu: `make run` starts the sample shop, `make test` tests everything. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
BOTS ?= bots/teahouse

.DEFAULT_GOAL := help
.PHONY: help run test lint format bench lock clean

help:  ## list these commands
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.installed: requirements.lock bots/install.py
	@$(PYTHON) bots/install.py

run: $(VENV)/.installed  ## install what is missing, then start the sample shop (BOTS="my/bot …" starts yours)
	@$(PY) -m bots run $(BOTS)

test: $(VENV)/.installed  ## install what is missing, then run all tests
	@$(PY) -m tests.browser
	@$(PY) -m pytest -n 2 --dist worksteal -q

lint: $(VENV)/.installed  ## ruff, mypy --strict, the import contract
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-cache

format: $(VENV)/.installed  ## format the code
	@$(VENV)/bin/ruff check --fix-only --quiet .
	@$(VENV)/bin/ruff format .

bench: $(VENV)/.installed  ## measure, side by side with what one would use instead
	@$(PY) -m tests.bench

lock:  ## pin the newest dependencies that pyproject.toml allows (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-emit-index-url --no-emit-find-links --no-annotate --upgrade -q -o requirements.lock

clean:  ## remove what was installed and built; conversations in .kefu/ stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
