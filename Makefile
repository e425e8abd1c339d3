# Two commands set everything up on a fresh machine:
#   make run INPUT=film.mp4     label a film (without INPUT: a cartoon that it draws itself)
#   make test                   checks and tests

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SAMPLE := samples/sample.mp4
INPUT  ?= $(SAMPLE)
ARGS   ?= --again

# faults: half an hour; FAULTS=--quick, or FAULTS="network limits", is shorter
# archive-test: a local Ray cluster, killed workers and drivers, an S3 server; minutes
.PHONY: run test archive-test check system bench faults clean

run: $(VENV)/installed $(if $(filter $(SAMPLE),$(INPUT)),$(SAMPLE))
	$(BIN)/caststream $(ARGS) "$(INPUT)" --labels "$(basename $(notdir $(INPUT))).ndjson"

test: check
	$(BIN)/pytest -n 2 --dist worksteal -m "not archive"

archive-test: $(VENV)/installed
	$(BIN)/pytest -m archive tests/archive

check: $(VENV)/installed
	$(BIN)/ruff format --check caststream tests tools
	$(BIN)/ruff check caststream tests tools
	$(BIN)/mypy --strict
	$(BIN)/lint-imports
	$(BIN)/codespell caststream tests tools docs graphs README.md CHANGELOG.md

bench: $(VENV)/installed
	$(BIN)/python -m tools.bench --work build/bench

faults: $(VENV)/installed
	$(BIN)/python -m tools.faults $(FAULTS)

$(SAMPLE): | $(VENV)/installed
	mkdir -p $(dir $(SAMPLE))
	$(BIN)/python -m tools.synth $(SAMPLE) --seed 7 --seconds 60

$(VENV)/installed: pyproject.toml tools/apt.txt
	tools/system_packages
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) samples build *.egg-info
