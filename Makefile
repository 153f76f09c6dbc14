# make demo   the whole chain on a sample catalogue         make lint   ruff, mypy, import-linter
# make test   the test suite                               make test-slow   the long sweeps too
# make crash  every kill of generating, training, measuring   make bench  training speed against plain TRL
# make docs   the documentation's site, in site/           make docs-reference  docs/reference/ anew from the code
# make simulate  how often the rule that names winners errs, and what it finds, over every design
# make bench-evaluate  answering speed of the engines against a plain loop
# make test-lowest  training tests on the oldest libraries that pyproject.toml admits
VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test test-slow test-lowest crash simulate bench bench-evaluate lint docs docs-reference clean

demo: $(READY)
	$(BIN)/dyag models pull smollm2:135m
	$(BIN)/dyag quickstart --output quickstart

# Each worker computes on one thread: two threads of two programs wait for each other by spinning.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

test-slow: $(READY)
	$(BIN)/python -m pytest

test-lowest:
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet --constraint constraints-lowest.txt --editable ".[train,dev]"
	$(VENV)-lowest/bin/python -m pytest tests/test_packing.py tests/test_chat.py tests/test_engine.py \
	    tests/test_preflight.py tests/test_finetune.py tests/test_from_adapter.py

crash: $(READY)
	$(BIN)/python -m pytest tests/test_crash.py tests/test_generate_killed.py tests/test_measuring_killed.py \
	    tests/endpoint/test_llm_generation.py

simulate: $(READY)
	$(BIN)/python -m pytest tests/test_stats.py tests/test_winner_rule.py

bench: $(READY)
	$(BIN)/python benchmarks/train.py

bench-evaluate: $(READY)
	$(BIN)/python benchmarks/evaluate.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p dyag_core
	$(BIN)/lint-imports

docs: $(VENV)-docs/.ready
	$(VENV)-docs/bin/sphinx-build --fail-on-warning --keep-going --quiet --doctree-dir $(VENV)-docs/doctrees docs site
	@echo site/index.html

docs-reference: $(VENV)-docs/.ready
	$(VENV)-docs/bin/python docs/generate.py

$(VENV)-docs/.ready: pyproject.toml setup.cfg constraints.txt
	$(PYTHON) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	touch $@

$(READY): pyproject.toml setup.cfg constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[train,dev]"
	touch $(READY)

clean:
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-docs build site *.egg-info quickstart
