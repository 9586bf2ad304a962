# A fresh clone needs Python 3.11 or newer and make, nothing else. `make` alone lists what there is.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo demo-web axe-core test test-all coverage versions lint types imports docs docs-check site lines fuzz bench soak week wheel microsoft-schema microsoft-clients caldav-client check clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name what; do \
		printf '%-18s %s\n' "$$name" "$$what"; done

demo: $(VENV)/.installed-cli  ## sync a sample workspace and show what each colleague sees
	@$(BIN)/crmsync demo
	@printf '\n%s\n' 'The program is here: export PATH="$(abspath $(BIN)):$$PATH"'

demo-web: $(VENV)/.installed-web  ## open the settings' pages in a browser, on loopback vendors (PORT=8000)
	@$(BIN)/python examples/fastapi_crm/demo.py

# What the tests check pages with, for people who use a screen reader or a keyboard.
AXE := build/axe-core/axe.min.js
axe-core: $(AXE)  ## fetch axe-core, with which the tests check the pages (needs npm)

$(AXE):
	@mkdir -p build/axe-core && cd build/axe-core && npm pack --silent axe-core@4.14.1 >/dev/null \
		&& tar xzf axe-core-4.14.1.tgz --strip-components=1 package/axe.min.js && rm axe-core-4.14.1.tgz

test: $(VENV)/.installed-dev  ## run the tests, those in the documentation too (ARGS="-k name" for some)
	@$(BIN)/python -m pytest -m "not slow" --numprocesses auto $(ARGS)

# What tests must reach: all branches of the core, and of the rest as much as they do today.
FLOOR := 95
CORE := src/crmsync/errors.py,src/crmsync/protocols.py,src/crmsync/model/*,src/crmsync/rules/*,src/crmsync/engine/*

SEED ?= $(shell date +%s)
test-all: $(VENV)/.installed-dev  ## run all tests: large worlds, and random examples by SEED, which is printed
	@echo "The seed of what is random: make test-all SEED=$(SEED)"
	@CRMSYNC_TESTS=all $(BIN)/python -m pytest --numprocesses auto --hypothesis-seed=$(SEED) $(ARGS)

coverage: $(VENV)/.installed-dev  ## run the tests, and hold the branches that they reach against the floors
	@$(MAKE) --no-print-directory test ARGS="--cov --cov-report= $(ARGS)"
	$(BIN)/coverage report --format=total --fail-under=$(FLOOR)
	$(BIN)/coverage report --include='$(CORE)' --fail-under=99

versions: $(VENV)/.made  ## run tests on every Python here, and with packages at their lowest versions
	PYTHON=$(PYTHON) .ci/versions

lint: $(VENV)/.installed-dev  ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev  ## check types strictly, and the public API in a host's code by two checkers
	$(BIN)/mypy
	$(BIN)/mypy --config-file= --strict --follow-imports=silent tests/typing
	$(BIN)/pyright --pythonpath $(BIN)/python

imports: $(VENV)/.installed-dev  ## check that no layer imports what it must not know
	$(BIN)/lint-imports --no-logo

docs: $(VENV)/.installed-dev  ## write again what the documentation says of the code
	$(BIN)/python docs/generate.py

docs-check: $(VENV)/.installed-dev  ## check that the documentation says what the code does
	$(BIN)/python docs/generate.py --check

site: $(VENV)/.installed-dev  ## build the documentation as a site, in build/site
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -b html docs build/site

lines:  ## print how large each room of the source is
	@$(PYTHON) .ci/lines.py

FOR ?= 60
fuzz: $(VENV)/.installed-dev  ## hunt for inputs that break a promise (FOR=600 seconds in each place, SEED=1 to repeat)
	@failed=0; for hunt in tests/fuzz/fuzz_*.py; do \
		PYTHONPATH=tests:tests/fuzz:tests/formats:tests/providers/caldav:tests/providers/imap $(BIN)/python $$hunt $(FOR) $(SEED) || failed=1; \
	done; exit $$failed

# caldav replaces the urllib3 of what it is installed beside.
CALDAV := build/caldav-client
caldav-client: $(CALDAV)/.installed  ## let the real caldav package write what is read, on Radicale and Xandikos
	@PYTHONPATH=tests $(CALDAV)/bin/python -m pytest -q -p no:cacheprovider --noconftest -c /dev/null \
		--rootdir=. tests/clients/drive_caldav.py

$(CALDAV)/.installed: pyproject.toml
	@$(PYTHON) -m venv $(CALDAV)
	@$(CALDAV)/bin/python -m pip --disable-pip-version-check --quiet install pytest radicale xandikos -e '.[caldav-client]'
	@touch $@

microsoft-schema: $(VENV)/.made  ## check that the description of Graph is that of the newest msgraph-sdk
	@rm -rf build/msgraph && $(PIP) download --no-deps --dest build/msgraph msgraph-sdk
	@$(BIN)/python tests/microsoft_schema.py --check build/msgraph/msgraph_sdk-*.whl

# Half a gigabyte: never beside the other tools.
CLIENTS := build/microsoft-clients
microsoft-clients: $(CLIENTS)/.installed  ## let msgraph-sdk and python-O365 drive the loopback Microsoft
	@$(CLIENTS)/bin/python -m pytest -q -W ignore -p no:cacheprovider --noconftest -c /dev/null \
		--rootdir=. tests/clients/drive_msgraph_sdk.py tests/clients/drive_o365.py

$(CLIENTS)/.installed: tests/clients/requirements.txt pyproject.toml
	@$(PYTHON) -m venv $(CLIENTS)
	@$(CLIENTS)/bin/python -m pip --disable-pip-version-check --quiet install -r tests/clients/requirements.txt -e '.[testing]'
	@touch $@

bench: $(VENV)/.installed-dev  ## measure speed and memory beside the floor of the same run
	$(BIN)/python benchmarks/run.py

soak: $(VENV)/.installed-dev  ## kill workers at work, cut what they lean on, and compare with a clean run (ARGS="--accounts 200 --seconds 180")
	$(BIN)/python benchmarks/soak.py $(ARGS)

week: $(VENV)/.installed-dev  ## simulate a week of the schedule in virtual time
	$(BIN)/python benchmarks/week.py $(ARGS)

wheel: $(VENV)/.installed-dev  ## build the wheel and try it where there is no source
	PYTHON=$(BIN)/python .ci/try-wheel

check: lint types imports docs-check site test wheel  ## all of the above that can fail

clean:  ## remove what the other targets made
	rm -rf $(VENV) found dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# The stamps make a second run quick: nothing is installed again before pyproject.toml changes.

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "crmsync needs Python 3.11 or newer. Name one that is: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
		exit 1; }
	@touch $@

$(VENV)/.installed-cli: $(VENV)/.made pyproject.toml
	@echo "Installing crmsync into $(VENV) ..."
	@$(PIP) install --editable '.[cli]'
	@touch $@

$(VENV)/.installed-web: $(VENV)/.made pyproject.toml examples/fastapi_crm/requirements.txt
	@echo "Installing crmsync and the example into $(VENV) ..."
	@$(PIP) install --editable '.[all]' -r examples/fastapi_crm/requirements.txt pymap
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.made pyproject.toml
	@echo "Installing crmsync and its tools into $(VENV) ..."
	@$(PIP) install --upgrade 'pip>=25.1'
	@$(PIP) install --editable '.[all]' --group dev
	@touch $@ $(VENV)/.installed-cli
