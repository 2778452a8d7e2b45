# Everything that one does here; `make` lists it.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
JOBS ?= 3
COMPILED ?=
BIN := $(VENV)/bin
HERE := $(abspath $(BIN))
TREE = $(if $(COMPILED),var/compiled,.)
COMPILE = $(if $(COMPILED),tools/compiled.sh $(VENV) $(TREE))
WITHIN = cd $(TREE) && $(if $(COMPILED),export PYTHONPATH=$$PWD &&)

.DEFAULT_GOAL := help
.PHONY: help demo test check unit lint format messages fuzz bench pictures lock clean setup setup-dev

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## Set everything up and tell the whole story on real sockets; ONCE=1 leaves when it is told
	@tools/phone.sh $(VENV) $(PYTHON)
	@tools/pbx.sh
	@$(BIN)/python -m voip_sms.demo $(if $(filter-out 0,$(ONCE)),--once)

test: setup-dev ## Run all tests, JOBS files at a time; as root install the Debian packages they need; ARGS='-k word' picks; COMPILED=1: the compiled modules
	@tools/peers.sh test
	@tools/phone.sh $(VENV) $(PYTHON)
	@tools/pbx.sh
	@$(COMPILE)
	@$(WITHIN) rm -f .pytest_cache/status && { $(HERE)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS) || \
		{ status=$$?; mkdir -p .pytest_cache; echo $$status >.pytest_cache/status; exit $$status; }; }

check: lint ## Lint, types, import rules and the tests that need no peers: under two minutes
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/unit tests/wire tests/architecture

unit: setup-dev ## Only the unit and wire tests (PYTHON=python3.13 VENV=.venv-newest: on another Python)
	@$(BIN)/python -m pytest -q tests/unit tests/wire

lint: setup-dev ## Ruff's rules and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: setup-dev ## Let ruff rewrite what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

messages: setup-dev ## Bring the panel's catalogues up to date with its texts; ARGS='send history': only theirs
	@$(BIN)/python tools/messages.py $(ARGS)

fuzz: setup-dev ## Look for input that breaks the parsers; ARGS='SECONDS [TARGET...]', 60 for each of all
	@tools/fuzz.sh $(VENV) $(PYTHON) $(ARGS)

bench: COMPILED = 1
bench: setup-dev ## Compare with peers, in alternating rounds, as compiled; COMPILED= measures it as written
	@tools/peers.sh bench
	@$(COMPILE)
	@cd $(TREE) && PYTHONPATH=$$PWD:$$PWD/tests $(HERE)/python -m bench $(ARGS)

pictures: setup-dev ## Take the panel's pictures for README and docs/use anew; needs Chromium
	@PYTHONPATH=tests $(BIN)/python tools/pictures.py

setup: ## Make or renew the virtual environment from the lock
	@tools/setup.sh $(VENV) $(PYTHON) runtime

setup-dev: ## The same, with the tools for working here
	@tools/setup.sh $(VENV) $(PYTHON) dev

lock: ## Write requirements/*.txt anew from pyproject.toml; ARGS=--upgrade takes newer versions
	@tools/lock.sh $(PYTHON) $(ARGS)

clean: ## Remove what was made here: environments, caches, the demo's data
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info var
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
