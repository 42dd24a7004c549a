# make run     start everything on this machine (PORT=8000, VAR=var; SMTP_PORT: the first free one
#              from 2525 on)
# make test    run every test, on PostgreSQL and Redis too where they are installed (PROCESSES=3:
#              most tests wait for processes of theirs; ARGS=-x and what else pytest takes)
# make check   format, lint, types, layers, migrations, deployment settings
# make chaos   kill, pause and refuse while mail flows, then close the ledger (SECONDS=180,
#              DATABASE=postgres or sqlite, SEED=…, ARGS=--rolling: only orderly restarts)
# make outage  take Redis and beat away while mail is posted, and say what it cost (SECONDS=600,
#              HOW=killed or paused)
# make bench   measure it beside its peers (ARGS="delivery --rounds 1 --scale 0.2"; --list)
# make env     write .env for docker-compose.yml, with fresh secrets
# make lock    resolve requirements*.in into requirements*.txt
# make clean   remove the virtual environment and caches; the data in VAR stays

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
SMTP_PORT ?=
VAR ?= var
ARGS ?=
PROCESSES ?= 3
SECONDS ?= 180
DATABASE ?= postgres
SEED ?=
HOW ?= killed

BIN := $(VENV)/bin
PY := $(BIN)/python
PYTEST := $(PY) -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder
PIP := $(PY) -m pip --quiet --disable-pip-version-check install
CREATED := $(VENV)/.created
RUN_READY := $(VENV)/.run
DEV_READY := $(VENV)/.dev
NODE_READY := $(VENV)/node/node_modules/.package-lock.json
BENCH_READY := $(VENV)/.bench

# What `make check` looks at is the code, not somebody's environment.
CHECKED := SECRET_KEY=checks-only-0123456789-abcdefghij-0123456789-ABCDEFGHIJ \
	TRACKING_KEYS=checks-only-0123456789abcdef0123456789abcdef \
	ENCRYPTION_KEYS=checks-only-fedcba9876543210fedcba9876543210 \
	PUBLIC_URL=https://mail.example.com MAIL_TRANSPORT=capture \
	DATABASE_URL=sqlite://:memory: REDIS_URL= VAR=$(VENV)/checks
CODE := mailer delivery tracking emails uploads accounts

.DEFAULT_GOAL := run
.PHONY: run test check chaos outage bench env lock clean

run: $(RUN_READY)
	@PORT='$(PORT)' SMTP_PORT='$(SMTP_PORT)' VAR='$(VAR)' exec $(PY) -m mailer.development

test: $(DEV_READY) $(NODE_READY)
	$(PYTEST) $(ARGS)
	@if $(PY) -m tests.servers; then TEST_SERVICES=1 $(PYTEST) $(ARGS); \
	else test -z "$$REQUIRE_SERVICES"; fi

check: $(DEV_READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@mkdir -p $(VENV)/checks
	$(CHECKED) $(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	$(CHECKED) $(PY) manage.py makemigrations --check --dry-run
	$(CHECKED) $(PY) manage.py check --deploy --fail-level WARNING

chaos: $(DEV_READY)
	@exec $(PY) -m tests.chaos --seconds $(SECONDS) --database $(DATABASE) \
		$(if $(SEED),--seed $(SEED)) $(ARGS)

outage: SECONDS = 600
outage: $(DEV_READY)
	@exec $(PY) -m tests.outage --seconds $(SECONDS) --how $(HOW)

bench: $(BENCH_READY)
	@exec $(PY) -m benchmarks $(ARGS)

# Nothing is installed for it: production needs Docker alone.
env:
	@$(PYTHON) -I mailer/env_file.py

# Universal: one file for every platform and every Python from 3.11 on.
lock: $(CREATED)
	$(PIP) uv
	for name in requirements requirements-dev; do \
		$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header \
			--no-annotate --no-emit-index-url --no-emit-find-links \
			$$name.in --output-file $$name.txt || exit 1; \
	done

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(CREATED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: Python 3.11 or newer is needed; name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
		echo "error: the virtual environment can't be made (Debian: apt install python3-venv)" >&2; \
		rm -rf $(VENV); exit 1; }
	@touch $@

$(RUN_READY): requirements.txt $(CREATED)
	@echo "installing what it runs on (once) ..."
	@$(PIP) -r requirements.txt
	@touch $@

$(DEV_READY): requirements-dev.txt requirements.txt $(CREATED)
	@echo "installing what it runs on and what the tests need (once) ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@ $(RUN_READY)

# A mail client in Node.js, for a test that is left out where there is none.
$(NODE_READY): delivery/listeners/tests/node/package-lock.json $(CREATED)
	@mkdir -p $(dir $@)
	@if command -v npm >/dev/null; then cp $(dir $<)package*.json $(VENV)/node/ && \
		cd $(VENV)/node && npm ci --silent; fi
	@mkdir -p $(dir $@) && touch $@

$(BENCH_READY): benchmarks/requirements.txt $(DEV_READY)
	@echo "installing what it is measured beside (once) ..."
	@$(PIP) -c requirements-dev.txt -r $<
	@touch $@
