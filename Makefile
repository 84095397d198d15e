PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test soak lint lock bench demo-store browser

demo: $(VENV)/app
	@mkdir -p build && { test -d build/demo || cp -R store/demo build/demo; }
	@export DIFFUSIONPID_STORE=build/demo; nice -n 5 $(BIN)/python -m compute worker & \
		trap "kill $$! 2>/dev/null" EXIT INT TERM; $(BIN)/streamlit run dashboard.py

test: $(VENV)/tools browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

soak: $(VENV)/tools browser
	DIFFUSIONPID_SOAK=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock: $(VENV)/app
	$(BIN)/python -m pip install --disable-pip-version-check -q uv
	$(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" -o requirements.lock requirements.txt

bench: $(VENV)/app
	$(BIN)/python -m compute bench

demo-store: $(VENV)/app
	PATH="$(CURDIR)/$(BIN):$$PATH" sh store/demo/compute.sh

browser:
	@sh tests/browser/install.sh

$(VENV)/app: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	@touch $@

$(VENV)/tools: $(VENV)/app tests/requirements.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q -r tests/requirements.txt
	@touch $@
