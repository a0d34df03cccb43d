# What a newcomer needs: make demo, make test, make lint.  Each builds its own .venv from the lock files.
# PYTHON chooses the interpreter that the environment is made with.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# uv asks the index that pip has been told to ask; without a setting of pip's own, uv's default. It trusts what the
# system trusts: a company's proxy often shows a certificate of the company's own.
INDEX = $(shell $(BIN)/pip config get global.index-url 2>/dev/null)
UV_ENV = UV_LINK_MODE=copy UV_SYSTEM_CERTS=1 VIRTUAL_ENV=$(abspath $(VENV)) $(if $(INDEX),UV_DEFAULT_INDEX=$(INDEX)) \
  $(if $(PIP_CERT),SSL_CERT_FILE=$(PIP_CERT))
# Where the environment says so, Python writes no bytecode beside what it loads; so it is compiled here, once, at
# installation. Without it every command takes seconds to start.
export PYTHONDONTWRITEBYTECODE ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-pythons lint format chaos bench lock clean venv venv-dev

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(UV): requirements-uv.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c \
	  'import sys; sys.exit("ros-sync needs Python 3.11 or later; set PYTHON=...") if sys.version_info < (3, 11) else None'
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@touch $@

# With uv (seconds); where uv cannot reach the index that pip can, with pip (a minute).
$(VENV)/.run: $(UV) requirements.lock pyproject.toml
	@$(UV_ENV) $(UV) pip install --quiet --compile-bytecode --require-hashes -r requirements.lock \
	  || $(BIN)/pip install --quiet --disable-pip-version-check --compile --no-deps \
	  --require-hashes -r requirements.lock
	@$(UV_ENV) $(UV) pip install --quiet --no-deps --editable . \
	  || $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@$(BIN)/python -m compileall -q src/ros_sync
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@$(UV_ENV) $(UV) pip install --quiet --compile-bytecode --require-hashes -r requirements-dev.lock \
	  || $(BIN)/pip install --quiet --disable-pip-version-check --compile --no-deps \
	  --require-hashes -r requirements-dev.lock
	@touch $@

venv: $(VENV)/.run ## the environment that runs the program
venv-dev: $(VENV)/.dev ## the same, with what the tests need

demo: $(VENV)/.run ## set everything up and run the main job on a small company
	@$(BIN)/ros-sync demo

test: $(VENV)/.dev ## set everything up and run all tests
	@$(BIN)/pytest -n 3 --dist loadscope

test-pythons: $(VENV)/.dev ## the unit tests on Python 3.12 and 3.13, where they are on this machine
	@.ci/pythons

lint: $(VENV)/.dev ## ruff, mypy (strict) and the layers of the packages
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## put the code in order
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

chaos: $(VENV)/.dev ## kill it 200 times and at each statement, forge 100,000 webhooks: long proofs
	@ROS_SYNC_CHAOS_KILLS=200 ROS_SYNC_FORGERIES=100000 ROS_SYNC_KILLED_EVERY=1 $(BIN)/pytest -n 2 --dist worksteal \
	  tests/integration/chaos tests/integration/web/test_webhooks.py tests/integration/sync/test_second_vendor.py

bench: $(VENV)/.dev ## speed and memory as ratios against a stated floor, measured in this run
	@$(BIN)/python -m benchmarks.run

lock: $(UV) ## resolve pyproject.toml anew into the lock files
	@$(UV_ENV) $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --upgrade pyproject.toml -o requirements.lock
	@$(UV_ENV) $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --upgrade --group dev pyproject.toml -c requirements.lock -o requirements-dev.lock
	@$(BIN)/python -c \
	  'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	  > requirements-build.in
	@$(UV_ENV) $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --upgrade requirements-build.in -o requirements-build.lock
	@rm requirements-build.in

clean: ## remove the environment and every cache
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
