# Everything happens in .venv, made from requirements/dev.txt at the first use and when that changes.
#   make run          the whole house on this machine (CONTENTSERVER_HOME, CONTENTSERVER_PORT)
#   make test         lint, types, borders and tests, against a real PostgreSQL
#   make bench        this server, nginx and the legacy design side by side
#   make migrate-scale sixteen million legacy records: is every page read from an index?
#   make audit-scale forty million audit records: is every filter quick?
#   make acceptance   every file of the Python installation through HTTP, compared byte for byte
#   make crash-long   at least 200 power cuts and kills; needs root, takes long
#   make migrate-long 100,000 changes drained from a legacy database while everything is killed; takes long
#   make audit-long   PostgreSQL stopped for five minutes, frozen, the bridge killed sixty times; takes long
#   make clients-long uploads by foreign clients while servers are killed, 1 GB and 500 at once; takes long
#   make lint         what `make test` checks before it runs tests
#   make pins         requirements/*.txt anew from the .in files

SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
COMPILE := $(BIN)/pip-compile --quiet --no-header --strip-extras --no-emit-index-url --no-emit-find-links
PYTEST := $(BIN)/python -m pytest

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test bench migrate-scale audit-scale acceptance crash-long migrate-long audit-long clients-long lint pins venv

# setpriv alone, without a shell: should make be killed, the supervisor is told, and stops everything.
run: venv
	@setpriv --pdeathsig TERM $(BIN)/python -m contentserver.embedded

# Tests wait much of their time, for disks and processes; three workers keep two cores busy.
test: lint
	$(PYTEST) -n 3 --dist loadgroup

bench: venv
	$(BIN)/python -m benchmarks

migrate-scale: venv
	$(BIN)/python -m benchmarks.migration.scale

audit-scale: venv
	$(BIN)/python -m benchmarks.audit.scale

acceptance: venv
	$(BIN)/python -m tests.acceptance

crash-long: venv
	$(PYTEST) -m slow -s tests/crash

migrate-long: venv
	$(PYTEST) -m slow -s tests/concurrency/migrator

audit-long: venv
	$(PYTEST) -m slow -s tests/integration tests/unit/skold

clients-long: venv
	$(PYTEST) -m slow -s tests/clients tests/browser/test_upload_page.py tests/integration/load/test_uploads_in_progress.py

lint: venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

pins: venv
	$(COMPILE) --output-file requirements/base.txt requirements/base.in
	$(COMPILE) --output-file requirements/dev.txt requirements/dev.in

venv: $(STAMP)

$(STAMP): requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed. Name it: make PYTHON=/path/to/python3"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make environments; on Debian it needs the package python3-venv."; exit 1; }
	$(BIN)/python -m pip install --quiet --requirement requirements/dev.txt
	@touch $@
