"""Tests of who may import whom: floors import downward only, rooms without a circle, and the device runs alone."""

from __future__ import annotations

import ast
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from device.advice import faster_runtime
from tests.conftest import Digits
from tests.support.checkout import EITHER_RUNTIME, ROOT, run_python

LOADED = """
import sys, device
print(sorted(sys.modules.keys() & {"ai_edge_litert", "cv2", "numpy", "tensorflow", "tflite_runtime"}))
"""
# The rooms of each floor, and the modules beside them. Each may import only those before it.
ORDER = {
    "device": ("core", "vision", "sources", "fields", "watch", "sending", "web", "update", "cli", "__main__"),
    "converters": ("packages", "workspace", "tflite", "lowering", "quantisation", "loading", "child", "convert"),
    "pipeline": (
        *(
            "lock",
            "whole_folder",
            "folders",
            "variants",
            "data",
            "synthesis",
            "training",
            "doctor",
            "bench",
            "gate",
            "report",
            "release",
            "signing",
            "own",
            "sweep",
            "cli",
        ),
        "__main__",
    ),
}


def at_run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Yields the nodes below, except what only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from at_run_time(node)


def imported(path: Path) -> Iterator[tuple[str, ...]]:
    """Yields what a module imports, anywhere in it, as the parts of an absolute dotted name."""
    package = path.relative_to(ROOT).parent.parts
    for node in at_run_time(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = tuple(node.module.split(".")) if node.module else ()
            yield from ((*base, *module, alias.name) for alias in node.names)


def packages(floor: str) -> set[str]:
    """Returns the top-level packages that a floor's modules import."""
    return {name[0] for path in (ROOT / floor).rglob("*.py") for name in imported(path)}


def room(parts: tuple[str, ...]) -> str:
    """Returns the room of a module; one beside the rooms is its own, except that the device's are its core.

    The core's files and its contract, which is what a manifest says, have folders.
    """
    name = parts[1] if len(parts) > 1 else "__init__"
    beside = name != "__main__" and not (ROOT / "device" / name).is_dir()
    core = parts[0] == "device" and (beside or name in {"contract", "files"})
    return "core" if core else name


def imports_between_rooms(floor: str) -> set[tuple[str, str]]:
    """Returns the pairs of a room and another room of the same floor that it imports."""
    pairs = {
        (room(path.relative_to(ROOT).with_suffix("").parts), room(name))
        for path in (ROOT / floor).rglob("*.py")
        for name in imported(path)
        if name[0] == floor
    }
    return {(importer, target) for importer, target in pairs if importer != target}


@pytest.mark.parametrize("floor", ["device", "converters", "pipeline"])
def test_a_room_imports_only_the_rooms_before_it(floor: str) -> None:
    """The rooms of a floor have an order in which each imports only those before it, so there is no circle."""
    order = ORDER[floor]
    pairs = imports_between_rooms(floor)
    assert {name for pair in pairs for name in pair} <= set(order)
    assert [pair for pair in sorted(pairs) if order.index(pair[0]) < order.index(pair[1])] == []


def test_the_core_of_the_device_imports_no_room() -> None:
    """The core imports no room; `python -m device` is what starts the command line."""
    pairs = imports_between_rooms("device")
    assert {target for importer, target in pairs if importer == "core"} == set()
    assert ("__main__", "cli") in pairs


def test_device_imports_numpy_and_what_its_extras_install() -> None:
    """Apart from the standard library and numpy, the device imports only packages of its extras."""
    expected = {"PIL", "cv2", "device", "numpy", "paho", "picamera2", "starlette", "tomli"}
    expected |= {"tuf", "urllib3", "uvicorn"}
    # From Python 3.11 on tomllib is in the standard library.
    assert packages("device") - sys.stdlib_module_names - {"tomllib"} == expected


def test_device_imports_itself_relatively() -> None:
    """The device imports itself relatively and never from above its folder, so that it can be copied out alone."""
    for path in (ROOT / "device").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        levels = {node.level for node in nodes if isinstance(node, ast.ImportFrom)}
        assert max(levels, default=0) <= len(path.relative_to(ROOT).parent.parts), path
        absolute = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        absolute |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
        assert not {name for name in absolute if name.split(".")[0] == "device"}, path


def test_only_the_interpreter_is_imported_by_a_computed_name() -> None:
    """`import_module` occurs in one module of the device, which names the two interpreters."""
    by_name = [path for path in (ROOT / "device").rglob("*.py") if "import_module" in path.read_text()]
    assert [path.name for path in by_name] == ["interpreter.py"]
    nodes = ast.walk(ast.parse(by_name[0].read_text()))
    assert {"ai_edge_litert", "tflite_runtime"} <= {node.value for node in nodes if isinstance(node, ast.Constant)}


def test_converters_import_the_device_and_nothing_above() -> None:
    """The converters import neither the pipeline nor the tests."""
    assert packages("converters") & {"device", "pipeline", "tests"} == {"device"}


def test_pipeline_imports_both_floors_below_and_no_test() -> None:
    """The pipeline imports the device and the converters, and no test."""
    assert packages("pipeline") & {"device", "converters", "tests"} == {"device", "converters"}


def test_importing_device_loads_numpy_alone() -> None:
    """`import device` loads neither an interpreter nor OpenCV, although both are installed."""
    assert run_python("-c", LOADED).stdout == "['numpy']\n"


@pytest.mark.parametrize("runtime", EITHER_RUNTIME)
def test_device_runs_alone(
    tmp_path: Path, model_copy: Path, bare_site: Callable[..., Path], digits: Digits, runtime: str
) -> None:
    """The device's folder and a model's, copied out, read digits with numpy and one interpreter installed."""
    shutil.copytree(ROOT / "device", tmp_path / "device", ignore=shutil.ignore_patterns("__pycache__"))
    np.save(tmp_path / "crops.npy", digits[0][::30])
    arguments = ("-m", "device", "classify", "--model", model_copy.name, "crops.npy")
    child = run_python(*arguments, folder=tmp_path, site=bare_site("numpy", runtime))
    assert child.returncode == 0, child.stderr
    assert child.stderr == (f"warning: {advice}\n" if (advice := faster_runtime(runtime)) else "")
    read = [json.loads(line)["label"] for line in child.stdout.splitlines()]
    right = [label == digit for label, digit in zip(read, "0123456789", strict=True)]
    assert right.count(True) >= 9
