"""Tests of instructions on emulated machines: no more than budgeted with LiteRT, and fewer than in float."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from converters.convert import convert
from pipeline.folders import MODELS, ModelFolder
from pipeline.training.networks import load_network
from tests.pi.test_equality import ON_DEVICE
from tests.support.checkout import ROOT
from tests.support.pi.emulator import Target, section_instructions, total_instructions
from tests.support.pi.machines import MACHINES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Counts repeat to the instruction; a regression of 2 % is refused.
_ALLOWED = 1.02
_IN_BOTH_PRECISIONS = ("rows2d", "fast")


@pytest.fixture(params=["pi4", "pi5"])
def counted(request: pytest.FixtureRequest, prepared: Path) -> Target:
    return Target(prepared, MACHINES[request.param], "ai-edge-litert")


def budgets(machine: str, name: str) -> dict[str, int]:
    with (ROOT / "models" / "limits.toml").open("rb") as file:
        counts: dict[str, int] = tomllib.load(file)["instructions"][machine][name]
    return counts


def check(received: dict[str, int], machine: str, name: str) -> None:
    print(machine, name, " ".join(f"{section}={count}" for section, count in received.items()))
    expected = budgets(machine, name)
    assert received.keys() == expected.keys()
    over = {section: count for section, count in received.items() if count > _ALLOWED * expected[section]}
    assert not over, f"{machine} {name}: Expected {expected}. Received: {over}"


def test_a_crop_keeps_its_budget(counted: Target, variant: str, bundled: Path, crops: Path) -> None:
    """`classify`, a step, all lines pushed and the last line each take their instructions, or 2 % more."""
    child = counted.python([ON_DEVICE, "sections", bundled / "model", crops], folder=bundled, counting=True)
    check(dict(section_instructions(child.stderr)), counted.machine.name, variant)


def test_a_start_keeps_its_budget(counted: Target, variant: str, bundled: Path, crops: Path, tmp_path: Path) -> None:
    """From the start of a second process to its first answer it takes its budget, or 2 % more."""
    if variant != "rows2d":
        pytest.skip("a start is counted for rows2d alone")
    np.save(tmp_path / "crop.npy", np.load(crops)[0])
    arguments: list[str | Path] = ["-m", "device", "classify", tmp_path / "crop.npy", "--model", "model"]
    # Debian and pip compile what they install, and the first run compiles the rest. Unpacked packages are not compiled.
    for _ in range(2):
        child = counted.python(arguments, folder=bundled, counting=True, compiled=tmp_path / "compiled")
    check({"start": total_instructions(child.stderr)}, counted.machine.name, "start")


@pytest.fixture(scope="session")
def both_precisions(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The files of two releases, each after that of the same network in float."""
    folder, files = tmp_path_factory.mktemp("precisions"), []
    for name in _IN_BOTH_PRECISIONS:
        model = ModelFolder(MODELS / name)
        # Ranges do not change what float computes.
        float_tflite = convert(load_network(name, model), np.zeros((1, 28, 28, 1), np.float32)).float_tflite
        for precision, content in (("float", float_tflite), ("int8", model.int8_tflite.read_bytes())):
            files.append(folder / f"{name}.{precision}")
            files[-1].write_bytes(content)
    return files


def test_int8_takes_fewer_instructions_than_float(target: Target, both_precisions: list[Path]) -> None:
    """On every machine, with every runtime, a release takes fewer than its network in float: no device needs both."""
    child = target.python([ON_DEVICE, "invocations", *both_precisions], folder=ROOT, counting=True)
    counts = section_instructions(child.stderr)
    print(target.machine.name, target.runtime, " ".join(f"{file}={count}" for file, count in counts.items()))
    for name in _IN_BOTH_PRECISIONS:
        assert counts[f"{name}.int8"] < counts[f"{name}.float"]
