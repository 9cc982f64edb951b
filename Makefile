# Two commands: `make book` builds the book, `make test` checks everything that guards it.
# `make help` lists the rest. Every path is relative, so a folder name with spaces is fine.

PYTHON ?= $(shell for p in python3.11 python3; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
WORKERS ?= 2
NOTEBOOKS ?= $(wildcard notebooks/*.md)
# The notebook that `make test` runs as Colab would: the one that takes least time.
QUICKEST := notebooks/imbalance.md

PY := .venv/bin/python
READY := .venv/ready
# What pip must find to install `companion` as in Colab; kept at set-up, so that the run needs no network.
NOT_IN_COLAB := hatchling jaxtyping
# A peer whose rules the tests read: without torchvision, which the rest of it asks for.
READ_ONLY := LibMTL
SOURCES := companion tests book/tools book/recorded
CELL_WIDTH := 76
# Annotations are enforced in tests only; an int is a float there, as it is for mypy.
SHAPES := '--jaxtyping-packages=companion,beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))'
UNIT := OMP_NUM_THREADS=1 MPLBACKEND=agg $(PY) -m pytest -q -n $(WORKERS)

# A kernel must be the one of .venv, free of the reader's own start-up files, and must choose its
# own backend, or no figure is shown.
export JUPYTER_PREFER_ENV_PATH := 1
export IPYTHONDIR := $(CURDIR)/.venv/ipython
# Figures must not follow the reader's own matplotlibrc, nor need a home that can be written to.
export MPLCONFIGDIR := $(CURDIR)/.venv/matplotlib
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# pip must never touch the Python that .venv is made from, not even through a .venv half removed.
export PIP_REQUIRE_VIRTUALENV := 1
unexport MPLBACKEND PYTHONPATH

say = @printf '\n\033[1m== %s\033[0m\n' '$(1)'

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup book browser test lint format twins address colab bench clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## create or update .venv from constraints.txt (the others do it themselves)

book: $(READY) ## build the book and check its pages
	@$(PY) book/tools/build_book.py

browser: book ## meet the book in a browser: light, dark, phone (CHROMIUM=/path names one)
	@$(PY) book/tools/browser.py

test: lint ## check twins, style, types, code and notebooks
	$(call say,4/6 unit tests and doctests with shapes checked)
	@$(UNIT) -m "not as_user" $(SHAPES) --doctest-modules companion tests
	$(call say,5/6 unit tests as a user runs the code)
	@$(UNIT) -m as_user tests
	$(call say,6/6 notebooks)
	@OMP_NUM_THREADS=1 $(PY) -m pytest -q -n $(WORKERS) --dist loadfile \
		--nbval-lax --nbval-current-env --nbval-cell-timeout=120 notebooks
	@OMP_NUM_THREADS=1 $(PY) book/tools/colab_run.py $(QUICKEST)
	$(call say,all six checks passed)

lint: $(READY) ## the checks of `make test` that take seconds
	$(call say,1/6 twins: every notebook says what its source says)
	@$(PY) book/tools/twins.py check
	$(call say,2/6 style)
	@$(PY) -m ruff check $(SOURCES) notebooks
	@$(PY) -m ruff format --check $(SOURCES)
	@$(PY) -m ruff format --check --line-length $(CELL_WIDTH) notebooks
	$(call say,3/6 types)
	@$(PY) -m mypy companion

format: $(READY) ## mend style where ruff can, in the sources of the notebooks too
	@$(PY) -m ruff check --silent --fix --exit-zero $(SOURCES)
	@$(PY) -m ruff format $(SOURCES)
	@$(PY) book/tools/twins.py format --width $(CELL_WIDTH) $(NOTEBOOKS)

twins: $(READY) ## write the .ipynb twins anew (NOTEBOOKS=notebooks/NAME.md for one)
	@$(PY) book/tools/twins.py write $(NOTEBOOKS)

address: $(READY) ## write the address of the repository into the twins, without running them
	@$(PY) book/tools/twins.py address $(NOTEBOOKS)

colab: $(READY) ## run every notebook as Colab would, offline (NOTEBOOKS=notebooks/NAME.md for one)
	@OMP_NUM_THREADS=1 $(PY) book/tools/colab_run.py $(NOTEBOOKS)

bench: $(READY) ## measure speed, memory and accuracy against peers
	@$(PY) -m pip install -q -c constraints.txt -e ".[bench]"
	@missed=0; for name in run regions pairs regression weighters monitor; do $(PY) tests/benchmarks/$$name.py || missed=1; done; exit $$missed

clean: ## remove the built book and the caches of the tools; .venv stays
	rm -rf _build .mypy_cache .pytest_cache .ruff_cache .hypothesis

# A set-up that was interrupted leaves .venv/unfinished, one that was moved names another
# folder: both are made anew. Otherwise .venv is brought up to date where it stands.
$(READY): pyproject.toml constraints.txt
	$(call say,setting up .venv)
	@test -n "$(PYTHON)" || { echo 'Python 3.11 or newer was not found. Install it, or name it: make PYTHON=/path/to/python3.11'; exit 1; }
	@if test -e .venv/unfinished || ! test -f .venv/pyvenv.cfg || ! $(PY) -m pip --version >/dev/null 2>&1 || \
		{ test -e $@ && test "$$(cat $@)" != "$(CURDIR)"; }; then \
		echo 'creating .venv' && rm -rf .venv && "$(PYTHON)" -m venv .venv; fi
	@rm -f $@ && touch .venv/unfinished
	@$(PY) -m pip install -c constraints.txt -e ".[book,data,test]"
	@$(PY) -m pip install -q --no-deps -c constraints.txt $(READ_ONLY)
	@rm -rf .venv/wheels && $(PY) -m pip download -q -c constraints.txt -d .venv/wheels $(NOT_IN_COLAB)
	@mkdir -p .venv/ipython/profile_default
	@echo '{"IPKernelApp": {"log_level": 40}}' > .venv/ipython/profile_default/ipython_kernel_config.json
	@rm .venv/unfinished && printf '%s\n' "$(CURDIR)" > $@

ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif
