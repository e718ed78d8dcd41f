# This needs Python 3.11 or newer, pip, git and make. Everything else is installed into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PARALLEL ?= 5
# Each process starts with its own share of the tests and then takes tests from the others.
TEST = $(BIN)/python -m pytest -n $(PARALLEL) --dist worksteal
TYPED = hooks/pre_gen_project.py templates_variants tools tests benchmarks

.PHONY: help demo test lint style plain-english lock torture guards soak bench bench-quick bench-diff bench-console test-image test-load
.PHONY: check-dist matrix minds imports tables mutants mutants-all test-browser test-clients test-servers test-killed test-variants test-update test-kit test-site site compare-updates older release kit pictures clean
help:        ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

# Cookiecutter is enough for the demo, so it does not install what the tests need.
DEMO := $(if $(wildcard $(VENV)/.ready),$(VENV),$(VENV)/demo)
demo: $(DEMO)/.ready        ## bake a competitor, start it, stream an answer, show what happened; BACKEND= and PROMPT= choose
	@$(DEMO)/bin/python -m tools.demo

test: style        ## check style, and run all tests except the slow sets; a test checks types meanwhile
	@$(TEST)

lint: style        ## check style and types of the template; generated repos lint themselves
	@$(BIN)/python -m mypy $(TYPED)

style: $(VENV)/.ready
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m tools.plain_english

plain-english: $(VENV)/.ready        ## find words and phrases that have a plainer replacement; PAGE=README.md chooses files
	@$(BIN)/python -m tools.plain_english $(PAGE)

lock: $(VENV)/.ready        ## pin all dependencies with hashes, for the template and for every variant
	@$(BIN)/python tools/lock.py

torture: $(VENV)/.torture $(VENV)/.policy        ## run and count hostile inputs and faults, and print a table; LINE=BD chooses lines (G needs root on Debian)
	@$(TEST) --torture --line "$(LINE)" -m torture

guards: $(VENV)/.torture        ## remove each safeguard and check that its tests fail: killed N of N; GUARD= chooses
	@$(BIN)/python -m tests.torture.guards $(GUARD)

soak: $(VENV)/.ready        ## send 10,000 requests to each backend and abort a fifth; writes docs/soak.md and its plot
	@$(BIN)/python -m tests.torture.soak

bench: $(VENV)/.ready        ## measure against all peers; writes docs/performance.md and its plots (about an hour)
	@$(BIN)/python -m benchmarks $(BENCH)

bench-quick: $(VENV)/.ready        ## measure the cost of a token against nginx and plain FastAPI, in under two minutes
	@$(BIN)/python -m benchmarks --quick $(BENCH)

bench-diff: $(VENV)/.ready        ## compare the cost of a token with that of another commit: REV=v0.2.0; ONLY=s50,one and BACKEND=tools choose
	@$(BIN)/python -m benchmarks.diff $(if $(ONLY),--only $(ONLY)) $(if $(BACKEND),--backend $(BACKEND)) $(BENCH) -- "$(REV)"

bench-console: $(VENV)/.ready        ## measure what the debug console costs while it is off, and what it keeps in memory while it is open
	@$(BIN)/python -m benchmarks.console $(BENCH)

test-image: $(VENV)/.torture        ## build the baked Dockerfile and test what runs in the image (Debian, as root); BACKEND= chooses
	@$(BIN)/python tools/image.py

test-load: $(VENV)/.ready        ## check every clause while a hundred other streams keep the server busy
	@$(BIN)/python -m pytest -s -m slow tests/checks/test_under_load.py tests/checks/test_busy_machine.py

test-clients: $(VENV)/.clients        ## run nine clients of other people against all variants, offline and on what 17 model servers send
	@$(BIN)/python -m pytest -m slow -s tests/clients

test-servers: $(VENV)/.servers        ## run every variant in front of eight model servers of other people, streamed and whole, with tools
	@$(BIN)/python -m pytest -m slow tests/servers

test-killed: $(VENV)/.ready        ## kill test runs at every moment and check that no process is left (Linux)
	@$(BIN)/python -m pytest -m "slow or not slow" tests/orphans

mutants: $(VENV)/.ready        ## run each broken server against the checks that must find it, as a table; MUTANT= chooses
	@$(BIN)/python -m tests.checks $(MUTANT)
	@$(if $(MUTANT),,$(TEST) -m slow tests/checks/test_odd_answers.py tests/checks/test_nothing_to_see.py)

mutants-all: $(VENV)/.ready        ## run each broken server against every check, so that none accuses it of something else (half an hour)
	@$(BIN)/python -m tests.checks --all $(MUTANT)

test-browser: $(VENV)/.ready        ## test the report and the debug console in a real Chromium, which is installed if necessary (Debian, as root)
	@$(BIN)/python tools/browser.py
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m browser tests/browser

test-variants: $(VENV)/.ready        ## run for the other variants what `make test` runs for the default only; BACKEND= chooses
	@$(BIN)/python -m pytest -n 2 -m slow -k "$(BACKEND)" tests/baking tests/backends tests/evaluation tests/models tests/submission tests/workshop/test_workshop.py

test-update: $(VENV)/.ready        ## run all tests of updates: every backend, fault, cookiecutter and Python found here
	@$(TEST) -m "slow or not slow" tests/updating

compare-updates: $(VENV)/.ready        ## make fifteen updates with competitor update, cruft and plain cookiecutter, as a table
	@$(BIN)/python tools/compare_updates.py

minds: $(VENV)/.ready        ## evaluate every variant behind scripted minds and write docs/score.md (half an hour)
	@$(BIN)/python -m benchmarks.minds

older: $(VENV)/.ready        ## pack an older version for the tests of updates: make older REF=v0.2.0
	@$(BIN)/python tools/older.py $(REF)

matrix: $(VENV)/.servers        ## check ten other servers and three of our own, and write docs/matrix.md; SERVER= chooses
	@$(BIN)/python -m tests.servers $(SERVER)

check-dist: $(VENV)/.ready        ## pack the checks into one file that runs on any Python 3.11: build/janus-check.pyz
	@$(BIN)/python tools/check_dist.py

pictures: $(VENV)/.ready        ## draw the pictures of the documents again; PICTURE=architecture, report or console for one
	@$(BIN)/python tools/browser.py
	@$(BIN)/python tools/pictures.py $(PICTURE)

site: $(VENV)/site/.ready        ## build the documentation site from the same Markdown, with strict links: build/site
	@VENV=$(VENV) $(BIN)/python -m tools.site.build

test-site: $(VENV)/.ready        ## build the documentation site, and open it in Chromium
	@$(BIN)/python tools/browser.py
	@$(BIN)/python -m pytest -m "slow or not slow" tests/docs/test_site.py

tables: $(VENV)/.ready        ## write the tables of the documents that come from the code
	@$(BIN)/python -m tools.tables
	@$(BIN)/python -c "from tests import template_path; from tests.checks.pages import write; write()"

imports: $(VENV)/.ready        ## draw who imports whom in a generated repo: docs/imports.svg
	@$(BIN)/python -m tools.imports

test-kit: $(VENV)/.ready        ## install from a fresh workshop kit, bake and run the scoreboard, without a network
	@$(BIN)/python -m pytest -m slow tests/workshop

kit: $(VENV)/.ready        ## pack the template and its wheels for a workshop without a network; KIT=--here for this machine only
	@$(BIN)/python tools/kit.py $(KIT)

release: $(VENV)/.ready        ## date the changelog and record the contract files, once the version was raised
	@$(BIN)/python tools/release.py

clean:        ## remove .venv and build
	rm -rf $(VENV) build

$(VENV)/.ready: requirements-dev.txt
	@$(PYTHON) tools/environment.py $(VENV) requirements-dev.txt
	@touch $@

$(VENV)/demo/.ready: templates_variants/requirements.txt
	@$(PYTHON) tools/environment.py $(VENV)/demo templates_variants/requirements.txt
	@touch $@

$(VENV)/.policy: $(VENV)/.ready tests/torture/policy/requirements.txt
	@$(PYTHON) tools/environment.py $(VENV)/policy tests/torture/policy/requirements.txt
	@touch $@

$(VENV)/site/.ready: $(VENV)/.ready tools/site/requirements.txt
	@$(PYTHON) tools/environment.py $(VENV)/site tools/site/requirements.txt
	@touch $@

$(VENV)/.clients: $(VENV)/.ready tests/clients/requirements.txt tests/clients/npm-shrinkwrap.json
	@$(BIN)/python -m tests.clients.install
	@touch $@

$(VENV)/.servers: $(VENV)/.ready tests/servers/requirements.txt tests/servers/npm-shrinkwrap.json
	@$(BIN)/python -m tests.servers.install
	@touch $@

$(VENV)/.torture: $(VENV)/.ready tests/torture/requirements.txt
	@echo "Setting up what the torture set also needs ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/torture/requirements.txt
	@touch $@
