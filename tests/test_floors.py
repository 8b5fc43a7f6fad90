"""Tests that cross the floors: imports run downward only, and the device's floor stands alone."""

from __future__ import annotations

import ast
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import EITHER_RUNTIME, ROOT, Digits, run_python

LOADED = """
import sys, device
print(sorted(sys.modules.keys() & {"ai_edge_litert", "cv2", "numpy", "tensorflow", "tflite_runtime"}))
"""


def at_run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes below, but for what only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from at_run_time(node)


def imported(floor: str) -> set[str]:
    """The packages that a floor's modules import by an absolute name, wherever in the module that stands."""
    names: set[str] = set()
    for path in (ROOT / floor).rglob("*.py"):
        for node in at_run_time(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(str(node.module).partition(".")[0])
    return names


def texts(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_device_imports() -> None:
    """Besides the standard library the device's floor imports numpy, itself relatively, and what its extras bring."""
    assert imported("device") - sys.stdlib_module_names == {"PIL", "cv2", "numpy", "picamera2", "starlette", "uvicorn"}


def imports_within(floor: str) -> set[tuple[str, str]]:
    """The pairs of a room and a room that it imports on the same floor; modules outside of rooms are of the room ''."""
    pairs = set()
    for path in (ROOT / floor).rglob("*.py"):
        package = path.relative_to(ROOT).parent.parts
        for node in at_run_time(ast.parse(path.read_text())):
            if not isinstance(node, ast.ImportFrom):
                continue
            base = package[: len(package) - node.level + 1] if node.level else ()
            target = (*base, *(node.module or "").split("."))
            if target[0] == floor:
                pairs.add(("".join(package[1:2]), target[1] if (ROOT / floor / target[1]).is_dir() else ""))
    return {(importer, room) for importer, room in pairs if importer != room}


def test_device_does_not_reach_above_itself() -> None:
    """Relative imports on the device's floor stay on it, so that it can be copied out alone."""
    for path in (ROOT / "device").rglob("*.py"):
        depth = len(path.relative_to(ROOT).parent.parts)
        levels = {node.level for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}
        assert max(levels, default=0) <= depth, path


def test_the_rooms_of_the_device() -> None:
    """The core imports no room; the rooms stand on each other without a circle."""
    assert imports_within("device") == {
        *(("", "cli"),),
        *(("cli", room) for room in ("", "sources", "vision", "watch", "web")),
        *(("sources", room) for room in ("", "vision")),
        *(("vision", ""),),
        *(("watch", room) for room in ("", "sources", "vision")),
        *(("web", room) for room in ("", "sources", "vision", "watch")),
    }


def test_imports_by_name() -> None:
    """Only the interpreter is imported by a name in a text, and it is one of two."""
    by_name = [path.name for path in (ROOT / "device").rglob("*.py") if "import_module" in path.read_text()]
    assert by_name == ["interpreter.py"]
    assert {"ai_edge_litert", "tflite_runtime"} <= texts(ROOT / "device" / "interpreter.py")


def test_converters_imports() -> None:
    """The converters know nothing of the pipeline, nor of the tests."""
    assert not imported("converters") & {"pipeline", "tests"}


def test_pipeline_imports() -> None:
    """The pipeline stands on both floors below and on no test."""
    assert imported("pipeline") & {"device", "converters", "pipeline", "tests"} == {"device", "converters", "pipeline"}


def test_importing_device_loads_numpy_alone() -> None:
    """Importing the device's floor loads no interpreter and no OpenCV, though they are installed."""
    assert run_python("-c", LOADED).stdout == "['numpy']\n"


@pytest.mark.parametrize("runtime", EITHER_RUNTIME)
def test_device_runs_alone(
    tmp_path: Path, model_copy: Path, bare_site: Callable[..., Path], digits: Digits, runtime: str
) -> None:
    """The device's folder and a model's, copied out, read digits with numpy and one interpreter beside them."""
    shutil.copytree(ROOT / "device", tmp_path / "device", ignore=shutil.ignore_patterns("__pycache__"))
    np.save(tmp_path / "crops.npy", digits[0][::30])
    arguments = ("-m", "device", "run", "--model", model_copy.name, "crops.npy")
    child = run_python(*arguments, folder=tmp_path, site=bare_site("numpy", runtime))
    assert child.returncode == 0, child.stderr
    read = [json.loads(line)["label"] for line in child.stdout.splitlines()]
    right = [label == digit for label, digit in zip(read, "0123456789", strict=True)]
    assert right.count(True) >= 9
