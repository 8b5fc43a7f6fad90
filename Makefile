# Rowstream. `make help` lists the targets.

VARIANT  ?= rows2d
VARIANTS := rows2d cols2d conv1d rows
$(if $(or $(filter-out $(VARIANTS) all,$(VARIANT)),$(if $(strip $(VARIANT)),,none)),\
	$(error VARIANT is one of: $(VARIANTS), or all. Received: '$(VARIANT)'))
CHOSEN   := $(if $(filter all,$(VARIANT)),$(VARIANTS),$(VARIANT))

# The first Python that will do; name another with make PYTHON=/path/to/python3.12.
SUITABLE := import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))
PYTHON   ?= $(shell for python in python3.11 python3.12 python3.13 python3.10 python3; do \
	$$python -c '$(SUITABLE)' 2>/dev/null && echo $$python && break; done)
BIN      := .venv/bin

ROWSTREAM_DATA ?=
export ROWSTREAM_DATA
export TF_CPP_MIN_LOG_LEVEL ?= 3
# oneDNN's kernels sum in an order that depends on the machine, and say so at every start.
export TF_ENABLE_ONEDNN_OPTS ?= 0
# Packages in the user's home are none of the pinned ones.
export PYTHONNOUSERSITE := 1

SOURCES := $(wildcard $(foreach floor,device converters pipeline,$(floor)/*.py $(floor)/*/*.py $(floor)/*/*.j2 $(floor)/*/*.png))

.DELETE_ON_ERROR:
.SECONDEXPANSION:
.PHONY: help convert gate report train bundle bench stream pictures test test-device lint lock clean FORCE
# Without this, make would delete weights that it trained for a conversion.
.PRECIOUS: models/%/float.weights.h5

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'VARIANT is one of: $(VARIANTS), or all. The default is rows2d.'
	@echo 'ROWSTREAM_DATA names a folder with the four IDX files of MNIST, where there is one.'

convert: $(CHOSEN:%=build/%/evaluation.json) ## float weights -> int8 file, manifest, model card; a table of both
	@$(BIN)/python -m pipeline table $^

# All of them are judged, whatever comes of the first. What is judged is what lies in models/: nothing is made anew.
gate: .venv/ready ## decide whether VARIANT may ship; limits are in models/limits.toml, reports in build/VARIANT/gate
	@worst=0; for variant in $(CHOSEN); do \
		$(BIN)/python -m pipeline gate models/$$variant || worst=$$?; done; exit $$worst

report: .venv/ready ## draw what the gate measured of VARIANT: build/report/index.html, to open in a browser
	@$(BIN)/python -m pipeline report $(CHOSEN)

train: .venv/ready ## train VARIANT from scratch, or go on where a training was interrupted
	@set -e; for variant in $(CHOSEN); do $(BIN)/python -m pipeline train $$variant; done

bundle: $(CHOSEN:%=build/%/evaluation.json) ## dist/rowstream-VARIANT-VERSION, for a machine without TensorFlow
	@set -e; for variant in $(CHOSEN); do $(BIN)/python -m pipeline bundle $$variant; done

bench: .venv/ready ## time VARIANT against Keras' unroll and TFLite's fused LSTM of the same weights
	@set -e; for variant in $(CHOSEN); do $(BIN)/python -m pipeline bench $$variant; done

stream: $(CHOSEN:%=build/%/evaluation.json) ## show how VARIANT reads a digit, line by line, in the terminal
	@set -e; for variant in $(CHOSEN); do $(BIN)/python -m pipeline stream $$variant; done

pictures: $(CHOSEN:%=build/%/evaluation.json) ## draw the README's pictures, in docs/; after `make gate`
	@$(BIN)/python -m pipeline report rows2d && $(BIN)/python -m tests.support.pictures

test: .venv/ready ## run the tests
	@$(BIN)/python -m pytest

test-device: .venv/ready ## run device/ and a model alone, on each runtime, in fresh environments
	@$(BIN)/python -m tests.support.standalone_device models/$(firstword $(CHOSEN))

lint: .venv/ready ## ruff and mypy
	@$(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy

lock: .venv/ready ## resolve requirements.lock anew from pyproject.toml
	@$(BIN)/python -m pip install --quiet uv && $(BIN)/uv pip compile pyproject.toml --extra convert --extra serve --extra dev --universal \
		--python-version 3.10 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet \
		--output-file requirements.lock

clean: ## delete what can be made again, but for .venv
	rm -rf build dist

# A release is stale where a source, the weights, the data's place or one's own crops changed, or a file of it is gone.
released = $(wildcard models/$(1)/model.int8.tflite) $(wildcard models/$(1)/manifest.json) $(wildcard models/$(1)/README.md)
build/%/evaluation.json: models/%/float.weights.h5 $(SOURCES) build/data.txt .venv/ready $(wildcard $(ROWSTREAM_DATA:%=%/crops.npz)) \
		$$(if $$(word 3,$$(call released,$$*)),,FORCE)
	@$(BIN)/python -m pipeline convert $*

models/%/float.weights.h5: | .venv/ready
	@$(BIN)/python -m pipeline train $*

build/data.txt: FORCE
	@mkdir -p build
	@test -f $@ && test "$$(cat $@)" = "$$ROWSTREAM_DATA" || printf '%s\n' "$$ROWSTREAM_DATA" >$@

.venv/ready: requirements.lock
	@test -n '$(PYTHON)' && '$(PYTHON)' -c '$(SUITABLE)' 2>/dev/null || { \
		echo "error: Rowstream needs Python 3.10 to 3.13. Found: $$('$(or $(PYTHON),python3)' --version 2>&1 | head -n 1)" \
			"as '$(PYTHON)'. Name one: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	@mkdir -p build
	@echo 'Installing into .venv, once. The log is build/install.log.' >&2
	@{ '$(PYTHON)' -m venv --clear .venv && \
		$(BIN)/python -m pip install --disable-pip-version-check --no-input --require-hashes -r requirements.lock; \
		} >build/install.log 2>&1 || { \
		echo "error: installation failed (build/install.log):" \
			"$$(grep -ioE 'no space left.*|newconnectionerror.*|[a-z]*connection (refused|broken).*' build/install.log | tail -n 1)" \
			"$$(grep -iE 'error|could not' build/install.log | tail -n 1)" >&2; exit 2; }
	@touch $@

FORCE:
