"""Measure how many small faults the tests find: change one place of a module at a time, and run its tests.

    python -m tests.support.mutants [--seed N] [--count N] [--jobs N] [--timeout SECONDS] [PATHS…]

Mutations are cosmic-ray's, drawn by the seed from all modules under PATHS. Each is applied in a copy of the tracked
files, never in the checkout. The tests that mirror the module run first, then those of its rooms, up to the first that
fails; last, and for ten times as long, those that `ROWSTREAM_THOROUGH` adds. A mutant is killed where a test fails or
the time is up. Exit status 1: in some room fewer than 90 % are.

Left out is what no test can find: annotations (never evaluated), `if TYPE_CHECKING`, log texts, and `is` for `==`,
which agree on None, True, small integers and short strings.
"""

from __future__ import annotations

import argparse
import difflib
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from tabulate import tabulate

_ROOT = Path(__file__).resolve().parents[2]
_DEFAULT_PATHS = (
    "device/*.py",
    "device/contract/*.py",
    "device/files/*.py",
    "converters/**/*.py",
    "pipeline/gate/**/*.py",
)
_MIN_KILLED = 0.9
_NO_TESTS = 5  # pytest's status where all are left out
_SAME_TO_TESTS = ("Eq_Is", "NotEq_IsNot", "Is_Eq", "IsNot_NotEq")
_LOGGERS = ("log", "logger", "logging")
# Tests of a module that stand neither in the file that mirrors it nor in its room.
_MORE_TESTS = {
    "converters/lowering": ("tests/converters/test_convert.py",),
    "converters/quantisation": ("tests/converters/test_convert.py",),
    "converters/tflite": ("tests/converters/test_convert.py",),
}


@dataclass(frozen=True)
class Mutant:
    """A fault: what `operator` makes of its `occurrence`-th place in a module."""

    module: Path
    line: int
    operator: str
    occurrence: int

    @property
    def room(self) -> str:
        """The folder of the module, or the whole of `converters`, whose rooms are tested through one another."""
        return "converters" if self.module.parts[0] == "converters" else self.module.parent.as_posix()

    def code(self, source: str) -> str:
        """Returns the module's source with the fault."""
        return str(mutate_code(source, _operator(self.operator), self.occurrence))

    def change(self, source: str) -> str:
        """Returns the changed lines of the diff, on one line."""
        diff = list(difflib.unified_diff(source.splitlines(), self.code(source).splitlines(), n=0, lineterm=""))
        return "  ".join(" ".join(line.split()) for line in diff[2:] if not line.startswith("@@"))


def _operator(name: str) -> Any:
    return cosmic_ray.plugins.get_operator(name)()


def mutants_of(module: Path, source: str) -> Iterator[Mutant]:
    """Yields every mutation of a module that a test could find."""
    nodes = list(ast_nodes(get_ast(source)))
    for name in cosmic_ray.plugins.operator_names():
        if cosmic_ray.plugins.get_operator(name).arguments() or name.endswith(_SAME_TO_TESTS):
            continue
        places = [node for node in nodes for _ in _operator(name).mutation_positions(node)]
        for occurrence, node in enumerate(places):
            if not _cannot_be_found(node):
                yield Mutant(module, node.start_pos[0], name, occurrence)


def _cannot_be_found(node: Any) -> bool:
    parent = node.parent
    while parent is not None:
        before = node.get_previous_sibling()
        is_annotation = getattr(before, "value", "") == {"tfpdef": ":", "annassign": ":", "funcdef": "->"}.get(
            parent.type
        )
        for_types_alone = parent.type == "if_stmt" and parent.children[1].get_code().strip() == "TYPE_CHECKING"
        is_logged = parent.type == "atom_expr" and getattr(parent.children[0], "value", "") in _LOGGERS
        if is_annotation or for_types_alone or is_logged:
            return True
        node, parent = parent, parent.parent
    return False


def tests_of(module: Path) -> list[str]:
    """Returns the test files of a module: the one that mirrors it, those of its room, then more that run it."""
    room = "tests" / module.parent
    mirror = room / f"test_{module.name}"
    more = next((files for start, files in _MORE_TESTS.items() if module.as_posix().startswith(start)), ())
    files = [mirror, *sorted(_ROOT.glob(f"{room}/test_*.py")), *map(Path, more)]
    in_order = dict.fromkeys(file.relative_to(_ROOT) if file.is_absolute() else file for file in files)
    return [file.as_posix() for file in in_order if (_ROOT / file).is_file()]


def _passes(copy: Path, tests: Sequence[str], timeout: float, thorough: str = "") -> bool:
    """Runs tests in a copy; a test that fails, or does not end, ends the run and all processes that it started."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    # Cached bytecode is matched by time and size, which a mutant can share with the original.
    environment = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(copy),
        "ROWSTREAM_THOROUGH": thorough,
    }
    with subprocess.Popen(
        command, cwd=copy, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as child:
        try:
            return child.wait(timeout) in (0, _NO_TESTS)
        except subprocess.TimeoutExpired:
            return False
        finally:
            if child.returncode is None:
                os.killpg(child.pid, signal.SIGKILL)


def _survives(mutant: Mutant, copy: Path, timeout: float) -> bool:
    tests = tests_of(mutant.module)
    if not tests:  # pytest would run all there are
        return True
    module = copy / mutant.module
    source = module.read_text()
    module.write_text(mutant.code(source))
    try:
        # The mirror finds most, and alone it needs not import what the whole room does.
        quick = all(_passes(copy, files, timeout) for files in (tests[:1], tests[1:]) if files)
        return quick and _passes(copy, tests, 10 * timeout, thorough="1")
    finally:
        module.write_text(source)


def _copied_tree(folder: Path) -> Path:
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    for file in filter(None, listed.split("\0")):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(_ROOT / file, folder / file)
    return folder


def measure(mutants: Sequence[Mutant], jobs: int, timeout: float) -> Iterator[tuple[Mutant, bool]]:
    """Yields each mutant, in order, with whether it survived.

    Raises:
        RuntimeError: tests fail without any mutation.
    """
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(jobs) as pool:
        copies: queue.Queue[Path] = queue.Queue()
        for job in range(jobs):
            copies.put(_copied_tree(Path(folder) / str(job)))

        def survived(mutant: Mutant) -> bool:
            copy = copies.get()
            try:
                return _survives(mutant, copy, timeout)
            finally:
                copies.put(copy)

        needed = sorted({test for mutant in mutants for test in tests_of(mutant.module)})
        if not _passes(Path(folder) / "0", needed, 10 * timeout, thorough="1"):
            raise RuntimeError("Expected tests that pass without a mutation. Received: a failure")
        yield from zip(mutants, pool.map(survived, mutants), strict=True)


def main() -> int:
    """Draws mutants, prints what becomes of each and a table by room; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.mutants", description="Measure tests by mutants.")
    parser.add_argument("paths", nargs="*", default=_DEFAULT_PATHS, help="modules, folders or patterns")
    parser.add_argument("--seed", type=int, default=1, help="which mutants are drawn (default: 1)")
    parser.add_argument("--count", type=int, default=120, help="how many (default: 120)")
    parser.add_argument("--jobs", type=int, default=2, help="copies that are tested at a time (default: 2)")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for the tests of one (default: 600)")
    arguments = parser.parse_args()
    found = {file for path in arguments.paths for file in _modules(path)}
    sources = {file: (_ROOT / file).read_text() for file in sorted(found)}
    everything = [mutant for file, source in sources.items() for mutant in mutants_of(file, source)]
    shuffled = random.Random(arguments.seed).sample(everything, len(everything))
    drawn = list(
        islice((mutant for mutant in shuffled if _compiles(mutant.code(sources[mutant.module]))), arguments.count)
    )
    total, killed = Counter(mutant.room for mutant in drawn), Counter[str]()
    for mutant, survived in measure(drawn, arguments.jobs, arguments.timeout):
        killed[mutant.room] += not survived
        word, operator = "survived" if survived else "killed", mutant.operator.rpartition("/")[2]
        print(f"{word:8} {mutant.module}:{mutant.line} {operator}  {mutant.change(sources[mutant.module])}", flush=True)
    rows = [(room, killed[room], total[room], f"{killed[room] / total[room]:.0%}") for room in sorted(total)]
    print(tabulate(rows, ("room", "killed", "mutants", "share")))
    return int(any(killed[room] < _MIN_KILLED * total[room] for room in total))


def _compiles(code: str) -> bool:
    # An operator can take `**` in a call for a power, and leave what is not Python.
    try:
        compile(code, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _modules(path: str) -> Iterator[Path]:
    pattern = f"{path}/**/*.py" if (_ROOT / path).is_dir() else path
    for file in _ROOT.glob(pattern):
        yield file.relative_to(_ROOT)


if __name__ == "__main__":
    sys.exit(main())
