# Python 3.11 or newer, pip, git and make are all that must be there; the rest comes into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PARALLEL ?= 4
# Each process begins with its own part of the tests, and then takes from the others.
TEST = $(BIN)/python -m pytest -n $(PARALLEL) --dist worksteal

.PHONY: help demo test lint plain-english lock torture guards soak bench bench-quick bench-diff bench-console test-image test-load
.PHONY: imports tables mutants test-browser test-killed test-variants test-update test-kit compare-updates older release kit pictures clean
help:        ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

demo: $(VENV)/.ready        ## bake a competitor, start it, stream an answer, show what happened; BACKEND= and PROMPT= choose
	@$(BIN)/python -m tools.demo

test: lint        ## run all tests but the slow sets
	@$(TEST)

lint: $(VENV)/.ready        ## check style and types of the template (of a bake: its own tests)
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy hooks/pre_gen_project.py templates_variants tools tests benchmarks

plain-english: $(VENV)/.ready        ## find words and phrases that have a plainer replacement; PAGE=README.md chooses files
	@$(BIN)/python -m tools.plain_english $(PAGE)

lock: $(VENV)/.ready        ## pin all dependencies with hashes, the template's and every variant's
	@$(BIN)/python tools/lock.py

torture: $(VENV)/.torture        ## all that must not break it, counted, as a table; LINE=BD chooses lines (G wants root on Debian)
	@$(TEST) --torture --line "$(LINE)" -m torture

guards: $(VENV)/.torture        ## take each guard out and see that its tests fail: killed N of N; GUARD= chooses
	@$(BIN)/python -m tests.torture.guards $(GUARD)

soak: $(VENV)/.ready        ## 10,000 requests a backend, a fifth aborted; writes docs/soak.md and its plot
	@$(BIN)/python -m tests.torture.soak

bench: $(VENV)/.ready        ## measure against all peers; writes docs/performance.md and its plots (about an hour)
	@$(BIN)/python -m benchmarks $(BENCH)

bench-quick: $(VENV)/.ready        ## the cost of a token against nginx and plain FastAPI, in under two minutes
	@$(BIN)/python -m benchmarks --quick $(BENCH)

bench-diff: $(VENV)/.ready        ## compare the cost of a token with another commit's: REV=v0.2.0; ONLY=s50,one and BACKEND=tools choose
	@$(BIN)/python -m benchmarks.diff $(if $(ONLY),--only $(ONLY)) $(if $(BACKEND),--backend $(BACKEND)) $(BENCH) -- "$(REV)"

bench-console: $(VENV)/.ready        ## what the debug console costs while it is off, and what it keeps in memory while it is open
	@$(BIN)/python -m benchmarks.console $(BENCH)

test-image: $(VENV)/.torture        ## build the baked Dockerfile for real and ask what runs in it (Debian, as root); BACKEND= chooses
	@$(BIN)/python tools/image.py

test-load: $(VENV)/.ready        ## check every clause while a hundred other streams keep the server busy
	@$(BIN)/python -m pytest -m slow tests/checks/test_under_load.py

test-killed: $(VENV)/.ready        ## kill runs of pytest at every moment and see that nothing of them is left (Linux)
	@$(BIN)/python -m pytest -m "slow or not slow" tests/orphans

mutants: $(VENV)/.ready        ## check the checks: every broken server against every check, as a table
	@$(BIN)/python -m tests.checks $(MUTANT)

test-browser: $(VENV)/.ready        ## open the report and the debug console in a real Chromium, which is installed when needed (Debian, as root)
	@$(BIN)/python tools/browser.py
	@$(BIN)/python -m pytest -m browser tests/browser

test-variants: $(VENV)/.ready        ## run in full for every variant what `make test` runs in full for the default; BACKEND= chooses
	@$(BIN)/python -m pytest -n 2 -m slow -k "$(BACKEND)" tests/baking tests/workshop/test_workshop.py

test-update: $(VENV)/.ready        ## run all tests of updates: every backend, fault, cookiecutter and Python found here
	@$(TEST) -m "slow or not slow" tests/updating

compare-updates: $(VENV)/.ready        ## twelve updates by competitor update, by cruft and by plain cookiecutter, as a table
	@$(BIN)/python tools/compare_updates.py

older: $(VENV)/.ready        ## pack an older version for the tests of updates: make older REF=v0.2.0
	@$(BIN)/python tools/older.py $(REF)

pictures: $(VENV)/.ready        ## make the documents' pictures anew; PICTURE=architecture, report or console for one
	@$(BIN)/python tools/browser.py
	@$(BIN)/python tools/pictures.py $(PICTURE)

tables: $(VENV)/.ready        ## write the tables of the generated repo's documents that come from the code
	@$(BIN)/python -m tools.tables

imports: $(VENV)/.ready        ## draw who imports whom in a generated repo: docs/imports.svg
	@$(BIN)/python -m tools.imports

test-kit: $(VENV)/.ready        ## install from a fresh workshop kit, bake and ask the scoreboard, without a network
	@$(BIN)/python -m pytest -m slow tests/workshop

kit: $(VENV)/.ready        ## pack the template and a wheelhouse for a workshop without a network; KIT=--here for this machine alone
	@$(BIN)/python tools/kit.py $(KIT)

release: $(VENV)/.ready        ## date the changelog and record the contract's files, when the version has moved
	@$(BIN)/python tools/release.py

clean:        ## remove what was made here
	rm -rf $(VENV) build

$(VENV)/.ready: requirements-dev.txt
	@echo "Setting up $(VENV), which takes a minute or two (once, and when the lock changes) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/.torture: $(VENV)/.ready tests/torture/requirements.txt
	@echo "Setting up what the torture set needs besides ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/torture/requirements.txt
	@touch $@
