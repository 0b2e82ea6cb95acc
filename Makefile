# `make run` starts the app, `make test` runs the tests: each in a virtual environment of its own making.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: run test lint browser clean

run: $(VENV)/.app
	$(PY) -m streamlit run app.py

# Two workers on two cores: with more threads than cores they wait for each other.
test: lint browser
	OMP_NUM_THREADS=1 $(PY) -m pytest

lint: $(VENV)/.dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

# Tests of pages want a Chromium: one that is there, the system's package manager's, or Playwright's own.
browser: $(VENV)/.dev
	@$(PY) -m tests.browser

$(PY):
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info < (3, 14), "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.12 …"'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.app: requirements.txt | $(PY)
	$(PY) -m pip install --quiet -r requirements.txt
	@touch $@

$(VENV)/.dev: tests/requirements.txt requirements.txt requirements-tensorboard.txt requirements-onnx.txt requirements-transformers.txt | $(PY)
	$(PY) -m pip install --quiet -r tests/requirements.txt
	$(PY) -m pip install --quiet --no-deps "quantus>=0.6,<0.7"  # its opencv-python would overwrite the headless one
	@touch $@ $(VENV)/.app

clean:
	rm -rf $(VENV) cache
