# `make run` and `make test` are all one needs; both set up what is missing first.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,\
	$(if $(shell $(p) -c 'import sys; sys.version_info >= (3, 11) and print(1)' 2>/dev/null),$(p))))
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -q --require-hashes --no-deps --prefer-binary
# A worker that has died is not replaced: pytest-xdist 3.8 may wait for ever then (pytest-xdist#1378). A test that
# takes so long hangs, the slowest takes three minutes; alarms belong to the limits of hooks.
PYTEST := $(BIN)/python -m pytest -n 2 --max-worker-restart=0 --timeout=900 --timeout-method=thread
UI := $(shell find ui plugins/*/ui templates -type f 2>/dev/null | LC_ALL=C sort)
UI_CONFIG := $(wildcard vite.config.ts tsconfig.json package-lock.json)

# A stamp's name carries the content that it stands for: a checkout changes times, not contents.
sum = $(shell cat $(1) /dev/null 2>/dev/null | cksum | tr -d ' ')
RUNTIME := $(VENV)/.runtime-$(call sum,requirements.lock setup.cfg pyproject.toml)
OFFLINE := $(VENV)/.offline-$(call sum,requirements.lock requirements-offline.lock)
FONTS := $(VENV)/.fonts-$(call sum,requirements.lock requirements-fonts.lock plugins/export_pdf/bold.py)
DEV := $(VENV)/.dev-$(call sum,requirements.lock requirements-dev.lock)
NODE := node_modules/.audimax-$(call sum,package-lock.json)
CATALOGUES := $(wildcard core/translations/*/LC_MESSAGES/*.po)
COMPILED := $(if $(CATALOGUES),$(VENV)/.messages-$(call sum,$(CATALOGUES)))
BUILT := core/static/dist/.built-$(call sum,$(UI) $(UI_CONFIG))
SOURCES := $(shell find core plugins -name '*.py' -not -path '*/skeleton/*' 2>/dev/null | LC_ALL=C sort)
BYTECODE := $(VENV)/.bytecode-$(call sum,$(SOURCES))

help: ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## everything that running needs
	@$(MAKE) -j3 parts

parts: $(RUNTIME) $(OFFLINE) $(FONTS) $(COMPILED) $(BYTECODE) $(BUILT) livekit
	@:

run: setup ## a running product on this machine; Ctrl-C stops it; LAN=1 serves the local network too
	@exec $(BIN)/audimax run $(if $(LAN),--lan $(LAN))

demo: setup ## the same with a professor, rooms and finished lectures, in an instance of its own; SIZE=large
	@exec $(BIN)/audimax demo $(if $(SIZE),--size $(SIZE))

test: setup-tests ## everything: checks, unit, component and browser tests
	@$(MAKE) check
	@npx --no-install vitest run
	@rm -f .pytest_cache/v/cache/lastfailed
	@$(PYTEST) || { [ $$? = 1 ] && $(BIN)/python -m tests.again; }

test-fast: $(DEV) ## under a minute: core alone, no browser, no LiveKit, no whole suites of attacks
	@$(PYTEST) -m "not browser and not livekit and not slow and not thorough"

check: $(DEV) $(NODE) ## linters, types, borders
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@npm run --silent lint
	@npm run --silent typecheck

bench: setup-tests ## measure; writes bench/results/latest.json
	@$(BIN)/python -m bench $(ONLY)

drill: setup-tests ## kill each part of a large installation in a lecture; ONLY="Redis PostgreSQL"
	@$(BIN)/python -m bench.drill $(ONLY)

soak: setup-tests ## mixed load for an hour, or MINUTES: nothing grows
	@$(BIN)/python -m bench.soak $(MINUTES)

audit: $(DEV) $(NODE) ## ask PyPI and npm whether faults of our dependencies are known
	@$(BIN)/python -m deploy.audit

messages: $(DEV) ## take new texts into the catalogues; NEW=de begins a language
	@mkdir -p build core/translations
	@$(BIN)/pybabel -q extract -F babel.cfg -k t -k tn:1,2 -k lazy_gettext -k _l --project=Audimax \
		--add-location=file --sort-by-file -o build/messages.pot .
	@if [ -n "$(NEW)" ] && [ ! -e "core/translations/$(NEW)" ]; then \
		$(BIN)/pybabel -q init -i build/messages.pot -d core/translations -l $(NEW); fi
	@if compgen -G "core/translations/*/LC_MESSAGES" > /dev/null; then \
		$(BIN)/pybabel -q update --ignore-obsolete -i build/messages.pot -d core/translations; fi

licences: $(DEV) $(NODE) ## write THIRD_PARTY.md from what is installed
	@$(BIN)/python -m deploy.licences > THIRD_PARTY.md

example: $(RUNTIME) ## write audimax.example.toml from the settings' dataclass
	@$(BIN)/python -m deploy.example_settings > audimax.example.toml

lock: $(DEV) ## pin what requirements*.in ask for, with hashes
	@$(BIN)/python -m pip --disable-pip-version-check install -q uv
	@for part in requirements requirements-web requirements-dev requirements-offline requirements-fonts; do \
		$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
			--no-annotate $$part.in -o $$part.lock; done

clean: ## remove what setup made; never instance/
	@rm -rf $(VENV) node_modules core/static/dist .mypy_cache .ruff_cache .pytest_cache

setup-tests:
	@$(MAKE) -j4 parts chromium versitygw
	@$(MAKE) clamav
	@$(MAKE) espeak
	@$(MAKE) debian

fonts: ## fonts of PDFs once more, where they could not be had the first time
	@rm -f $(VENV)/.fonts-*
	@$(MAKE) $(FONTS)

livekit: $(RUNTIME)
	@$(BIN)/python -m core.run.livekit_server

chromium: $(DEV)
	@$(BIN)/python -m tests.setup.chromium

versitygw: $(DEV)
	@$(BIN)/python -m tests.setup.versitygw
clamav: $(DEV)
	@$(BIN)/python -m tests.setup.clamav
espeak: $(DEV)
	@$(BIN)/python -m tests.setup.espeak
debian: $(DEV)
	@$(BIN)/python -m tests.setup.debian

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Audimax needs Python 3.11 or newer; name one: make PYTHON=…"; exit 1; }
	@echo "setting up: Python environment …"
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed (on Debian: apt-get install python3-venv)"; exit 1; }

$(RUNTIME): | $(BIN)/python
	@echo "setting up: Python packages …"
	@$(PIP) -r requirements.lock
	@$(BIN)/python -m pip --disable-pip-version-check install -q --no-build-isolation --no-deps -e .
	@rm -f $(VENV)/.runtime-* && touch $@

# Where no wheel fits, everything else works, and captions without a cloud say why they are off.
$(OFFLINE): $(RUNTIME)
	@echo "setting up: model of offline captions …"
	@$(PIP) -r requirements-offline.lock || echo "No model of offline captions fits this machine: they stay off."
	@rm -f $(VENV)/.offline-* && touch $@

# After the other one, for two pips at once get into each other's way. Fonts of the system serve as well.
$(FONTS): $(RUNTIME) $(OFFLINE)
	@echo "setting up: fonts for PDFs …"
	@$(PIP) -r requirements-fonts.lock && $(BIN)/python -m plugins.export_pdf.bold \
		|| echo "Not all fonts could be installed: audimax doctor says which scripts PDFs can't show."
	@rm -f $(VENV)/.fonts-* && touch $@

$(VENV)/.messages-%: $(RUNTIME)
	@$(BIN)/pybabel -q compile -d core/translations
	@rm -f $(VENV)/.messages-* && touch $@

# A service may not write here, and each export is a process of its own: it would compile all of this again.
$(BYTECODE): $(RUNTIME)
	@$(BIN)/python -m compileall -q -x /skeleton/ core plugins
	@rm -f $(VENV)/.bytecode-* && touch $@

$(DEV): $(RUNTIME) $(OFFLINE) $(FONTS)
	@echo "setting up: Python packages for tests …"
	@$(PIP) -r requirements-dev.lock
	@rm -f $(VENV)/.dev-* && touch $@

$(NODE):
	@command -v npm > /dev/null || { echo "Audimax needs Node.js 20.19 or newer with npm to build its pages"; exit 1; }
	@echo "setting up: browser packages …"
	@npm ci --silent --no-audit --no-fund
	@touch $@

$(BUILT): $(NODE)
	@echo "setting up: browser bundle …"
	@npm run --silent build -- --logLevel error
	@touch $@

.PHONY: help setup run demo test test-fast check bench drill soak audit messages licences lock clean setup-tests parts fonts livekit chromium versitygw clamav espeak debian
