# `make run` and `make test` each set up what they need on a fresh machine; nothing else has to be run first.
PYTHON ?= python3
BIN := .venv/bin
RUN ?= runs/standard
BUDGET ?= 240
READY := .venv/.ready

.PHONY: run test check docs notebooks attack mutate clean

run: $(READY)
	$(BIN)/tunebound run --suite standard --output $(RUN)
	$(BIN)/tunebound report $(RUN)

test: check
	$(BIN)/pytest -n 2 --dist worksteal --nbmake tests notebooks

docs: $(READY)
	$(BIN)/python docs/site

# The lessons executed, their outputs stored without what changes from run to run; ten minutes, or
# `make notebooks NOTEBOOKS=notebooks/07_own_encoder.ipynb` for some.
notebooks: $(READY)
	$(BIN)/python notebooks/execute.py $(NOTEBOOKS)

# tests/attack with a budget of some 100,000 calls; some minutes on two idle cores
attack: $(READY)
	ATTACK=$(BUDGET) $(BIN)/pytest -n 2 --dist worksteal tests/attack

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Hours for all of it; `make mutate PARTS="head verdict"` for parts that tests/mutation/scope.toml names.
mutate: $(READY)
	$(BIN)/pip install --quiet --constraint constraints.txt mutmut==3.8.1
	$(BIN)/python -m tests.mutation $(PARTS)

clean:
	rm -rf .venv build *.egg-info

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(READY)
