# One word each: run test build asan lint format man bench peers clean
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
C_FILES = $(shell find pytestpmd -name '*.c' -not -name _dataplane.c) $(shell find pytestpmd -name '*.h')
PY_FILES = pytestpmd tests bench setup.py
ASAN = build/asan
ASAN_FLAGS = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1

.PHONY: run test build venv asan lint format man bench peers clean

run: build
	$(BIN)/pytestpmd -- -i --cmdline-file=docs/demo.testpmd

test: build
	$(BIN)/python -m pytest

venv: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "setuptools>=70" "cffi>=1.16"
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable '.[dev]'
	touch $@

build: $(VENV)/.installed $(C_FILES) pytestpmd/_build.py
	$(BIN)/python setup.py --quiet build_ext --inplace
