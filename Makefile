# make demo: set up .venv, train a small ladder, measure its collapse.   make test: set up the same way, lint, test.
# On Linux without a GPU, PIP_ARGS can name the index of PyTorch's CPU builds: make demo PIP_ARGS="--extra-index-url URL"
PYTHON ?= python3
PIP_ARGS ?=
OUT ?= demo-out
DEMO_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help demo test lint format bench clean python unwritten
help:
	@echo "make demo    set up, train a small ladder (4 minutes), write tables and pictures to $(OUT)/"
	@echo "             (over those of an earlier demo: make demo DEMO_ARGS=--overwrite)"
	@echo "make test    set up, lint, run all tests"
	@echo "make lint | format | bench | clean"

python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "make needs Python 3.11 or newer; got no command '$(PYTHON)'. Install Python, or name yours: make demo PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make needs Python 3.11 or newer; got $$($(PYTHON) --version). Name a newer one: make demo PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "make needs Python's venv and ensurepip; $(PYTHON) comes without. On Debian and Ubuntu: apt-get install python3-venv"; exit 2; }

# Before anything is downloaded or trained: is there room for what `demo` writes?
unwritten:
	@case " $(DEMO_ARGS) " in *" --overwrite "*) ;; *) test -z "$$(ls -A '$(OUT)' 2>/dev/null)" || { echo "make demo needs a new or empty folder; $(OUT) holds an earlier demo. Keep it: make demo OUT=demo-2. Replace it: make demo DEMO_ARGS=--overwrite"; exit 2; } ;; esac

# A stamp exists only after a complete installation, so an interrupted one starts over.
$(VENV)/.demo $(VENV)/.dev: pyproject.toml constraints.txt | python
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(if $(CI),--quiet) --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e ".[$(EXTRA)]"
	touch $@
$(VENV)/.demo: EXTRA = train
comma := ,
$(VENV)/.dev: EXTRA = dev$(if $(CI),$(comma)formats)

demo: unwritten $(VENV)/.demo
	scaling-collapse demo --out $(OUT) $(DEMO_ARGS)

test: lint
	python -m pytest -n 2 --dist worksteal

lint: $(VENV)/.dev
	@git rev-parse --git-dir >/dev/null 2>&1 || { echo "make lint needs a git checkout (pre-commit reads the list of files from git)."; exit 2; }
	pre-commit run --all-files

format: $(VENV)/.dev
	ruff check --fix-only --quiet scaling_collapse tests benchmarks docs
	ruff format scaling_collapse tests benchmarks docs

bench: $(VENV)/.dev
	for script in benchmarks/[a-z]*.py; do echo "== $$script"; python $$script || exit 1; done

clean:
	rm -rf $(VENV) build dist *.egg-info $(OUT) .pytest_cache .ruff_cache .hypothesis
