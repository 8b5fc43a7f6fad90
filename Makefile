# Rowstream. `make help` lists the targets.

VARIANT  ?= rows2d
VARIANTS := rows2d cols2d conv1d rows fast tiny
$(if $(or $(filter-out $(VARIANTS) all,$(VARIANT)),$(if $(strip $(VARIANT)),,none)),\
	$(error VARIANT is one of: $(VARIANTS), or all. Received: '$(VARIANT)'))
# An own network: make convert MODEL=net.keras DATA=folder NAME=mine, then make gate NAME=mine, and so on.
MODEL    ?=
DATA     ?=
RECIPE   ?=
# Some shells export the name of the machine as NAME.
ifeq ($(origin NAME),environment)
NAME     :=
endif
GIVEN    := $(NAME)
NAME     := $(or $(NAME),$(shell printf '%s' '$(notdir $(basename $(or $(MODEL),$(RECIPE))))' | tr 'A-Z' 'a-z' | tr -c 'a-z0-9._-' '-'))
OPTIONS  ?=
# For `make bundle`: what `python -m pipeline keys` wrote (default: development keys).
KEYS     ?=
# Also for it: files with what `rowstream verify --answers` printed on kinds of devices.
ANSWERS  ?=
CHOSEN   := $(or $(NAME),$(if $(filter all,$(VARIANT)),$(VARIANTS),$(VARIANT)))

# The first suitable Python; name another with make PYTHON=/path/to/python3.12.
SUITABLE := import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))
PYTHON   ?= $(shell for python in python3.11 python3.12 python3.13 python3.10 python3; do \
	$$python -c '$(SUITABLE)' 2>/dev/null && echo $$python && break; done)
BIN      := .venv/bin

ROWSTREAM_DATA ?=
export ROWSTREAM_DATA
export TF_CPP_MIN_LOG_LEVEL ?= 3
# oneDNN's kernels sum in an order that depends on the machine, and log that at every start.
export TF_ENABLE_ONEDNN_OPTS ?= 0
# Packages in the user's home are not the pinned ones.
export PYTHONNOUSERSITE := 1

# For `make test`: what to run, and how many processes. For `make mutants`: its options.
TESTS    ?= tests
JOBS     ?= 2
MUTANTS  ?=
# For `make bench` and `make bench-scaling`: 1 for fewer rounds, inputs and sizes.
QUICK    ?=
# For `make draw`: HOST:PORT or PORT, if not 8000.
ADDRESS  ?=

SOURCES := $(wildcard $(foreach floor,device converters pipeline,$(floor)/*.py $(floor)/*/*.py $(floor)/*/*.png \
	$(floor)/*/templates/card.md.j2))

RESOLVE := $(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet

.DELETE_ON_ERROR:
.SECONDEXPANSION:
.PHONY: help convert gate release report train bundle export-c wheel bench bench-scaling demo draw pictures test mutants test-device test-pi lint lock clean FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'VARIANT is one of: $(VARIANTS), or all. The default is rows2d.'
	@echo 'Own networks: make convert MODEL=net.keras DATA=folder NAME=mine, then the other targets with NAME=mine.'
	@echo 'ROWSTREAM_DATA names a folder with the four IDX files of MNIST, if you have one.'

ifeq ($(NAME),)
convert: $(CHOSEN:%=build/%/evaluation.json) ## float weights -> build/VARIANT: int8 file, manifest, model card; print a table
	@$(BIN)/python -m pipeline table $^
else
convert: .venv/ready
	@$(BIN)/python -m pipeline convert '$(MODEL)' --data '$(DATA)' --name '$(NAME)' $(OPTIONS)
endif

# Every variant is judged, whatever the verdict on the first.
gate: $(if $(NAME),.venv/ready,$(CHOSEN:%=build/%/evaluation.json)) ## decide whether build/VARIANT may ship, by models/limits.toml; reports in build/VARIANT/gate
	@worst=0; for variant in $(CHOSEN); do \
		$(BIN)/python -m pipeline gate build/$$variant || worst=$$?; done; exit $$worst

# What the gate judged is released as it is: nothing is made again.
release: .venv/ready ## copy build/VARIANT to models/VARIANT, if it passed the gate
	@set -e; for variant in $(CHOSEN); do $(BIN)/python -m pipeline release $$variant; done

report: .venv/ready ## draw what the gate measured: build/report/index.html, for a browser
	@$(BIN)/python -m pipeline report $(CHOSEN)

train: .venv/ready ## train VARIANT's weights, or RECIPE=file, into build/NAME/train; resume an interrupted training
ifneq ($(RECIPE),)
	@$(BIN)/python -m pipeline train '$(RECIPE)' --name '$(GIVEN)' $(OPTIONS)
else
	@set -e; for variant in $(CHOSEN); do $(BIN)/python -m pipeline train $$variant $(OPTIONS); done
endif

bundle: .venv/ready ## pack models/VARIANT, if it passes the gate, into dist: a folder to copy, and a repository signed with KEYS=folder
	@set -e; for variant in $(CHOSEN); do $(BIN)/python -m pipeline bundle $$variant $(if $(KEYS),--keys '$(KEYS)')$(if $(ANSWERS), --answers $(ANSWERS)); done

export-c: .venv/ready ## dist/rowstream-VARIANT-VERSION-micro: models/VARIANT as C++ for TFLite Micro
	@set -e; for variant in $(CHOSEN); do $(BIN)/python -m pipeline export-c $$variant; done

wheel: .venv/ready ## dist/rowstream_device-VERSION-py3-none-any.whl: the device side as the package rowstream
	@$(BIN)/python -m pipeline wheel

bench: .venv/ready ## measure models/VARIANT beside other ways to run the same weights: build/bench; QUICK=1 takes minutes
	@set -e; for variant in $(CHOSEN); do $(BIN)/python -m pipeline bench $$variant $(QUICK:%=--quick); done

bench-scaling: .venv/ready ## measure an LSTM unrolled, by step, fused and looped at many sizes: build/scaling; QUICK=1 for few
	@$(BIN)/python -m pipeline bench-scaling $(QUICK:%=--quick)

demo: .venv/ready ## show in the terminal how VARIANT reads a digit, line by line
	@set -e; for variant in $(CHOSEN); do $(BIN)/python -m pipeline demo $$variant; done

draw: .venv/ready ## draw digits in the browser: serves a page and prints its address
	@$(BIN)/python -m device serve $(ADDRESS) --model models/$(firstword $(CHOSEN))

pictures: .venv/ready ## draw the documentation's pictures into build/pictures; after make gate VARIANT=rows2d
	@$(BIN)/python -m pipeline report rows2d && $(BIN)/python -m tests.support.pictures build/pictures

test: .venv/ready ## run the tests, or those in TESTS=path
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(TESTS)

mutants: .venv/ready ## check that the tests notice small changes of the code; options in MUTANTS
	@$(BIN)/python -m tests.support.mutants $(MUTANTS)

test-device: .venv/ready ## run device/ and a model alone, on each runtime, in new environments
	@$(BIN)/python -m tests.support.standalone_device models/$(firstword $(CHOSEN))

test-pi: .venv/ready ## run releases on emulated Raspberry Pis: equality, and instructions against models/limits.toml
	@$(BIN)/python -m tests.support.pi build/pi
	@ROWSTREAM_PI=build/pi $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -rA tests/pi

lint: .venv/ready ## ruff and mypy
	@$(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy

lock: .venv/ready ## resolve requirements.lock from pyproject.toml, and what bench installs beside it
	@$(BIN)/python -m pip install --quiet uv && $(RESOLVE) pyproject.toml --extra convert --extra serve --extra dev \
		--python-version 3.10 --output-file requirements.lock
	@set -e; for packages in pipeline/bench/peers/locks/*.in; do \
		$(RESOLVE) $$packages --python-version 3.11 --output-file $${packages%.in}.txt; done

clean: ## delete build and dist, with the weights that `make train` put there
	rm -rf build dist

# A candidate is stale if the code, the float weights, the choice of data or the user's crops changed, or a file is missing.
made = $(wildcard $(foreach file,model.int8.tflite golden.bin manifest.json README.md,build/$(1)/$(file)))
build/%/evaluation.json: $(SOURCES) build/data.txt .venv/ready $(wildcard $(ROWSTREAM_DATA:%=%/crops.npz)) \
		$$(wildcard models/$$*/float.weights.h5 build/$$*/train/float.weights.h5) $$(if $$(word 4,$$(call made,$$*)),,FORCE)
	@$(BIN)/python -m pipeline convert $* >/dev/null

build/data.txt: FORCE
	@mkdir -p build
	@test -f $@ && test "$$(cat $@)" = "$$ROWSTREAM_DATA" || printf '%s\n' "$$ROWSTREAM_DATA" >$@

# A linked .venv belongs to somebody else: `venv --clear` would empty it.
.venv/ready: requirements.lock
	@test ! -L .venv || { \
		echo "error: .venv is a link to $$(readlink .venv), and requirements.lock is newer than .venv/ready." \
			"Remove the link, or, if that environment is up to date: touch .venv/ready" >&2; exit 2; }
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
