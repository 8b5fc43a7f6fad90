"""Runs a bundle in new environments with only numpy and one TFLite runtime, as on a device: `make test-device`.

It is not a pytest module, because it installs packages. There is one environment for each runtime and the oldest and
newest Python on this machine that it has wheels for; in each, what a message advises is run as it is printed. In one
more, the commands of the bundle's README.txt are. The wheel for devices is installed with what it asks for on each
Python that it names and that is on this machine. An environment that cannot be made is a failure.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import numpy as np

from device.exit_status import ExitStatus
from pipeline.data.mnist import embedded_splits
from pipeline.folders import ModelFolder
from pipeline.release.bundle import bundle
from pipeline.release.wheel import PYTHONS, build_wheel
from tests.support.checkout import ROOT
from tests.support.drawings import NOTE

CROPS = 200
MIN_RIGHT = 196


@dataclass(frozen=True)
class Environment:
    """A Python and the requirements to install."""

    python: str
    requirements: tuple[str, ...]


def main(model: Path) -> int:
    """Returns 0 if the bundle passes `verify` and reads digits in every environment."""
    passed = [_reads_digits(environment, model) for environment in _environments()]
    passed.append(_follows_its_readme(model))
    passed.extend(_wheels_read_digits(model))
    print(f"{passed.count(True)} passed, {passed.count(False)} failed")
    return 0 if all(passed) else 1


def _environments() -> Sequence[Environment]:
    pythons = _pythons()
    # The wheels of tflite-runtime are for Linux, and end with Python 3.11.
    before_312 = [version for version in sorted(pythons) if version < (3, 12) and sys.platform == "linux"]
    return [
        *(
            Environment(pythons[version], ("tflite-runtime==2.14.0", "numpy<2"))
            for version in dict.fromkeys([*before_312[:1], *before_312[-1:]])
        ),
        Environment(pythons[min(pythons)], ("ai-edge-litert==2.3.0", "numpy")),
        Environment(pythons[max(pythons)], ("ai-edge-litert", "numpy")),
    ]


def _pythons() -> dict[tuple[int, int], str]:
    """The Pythons on this machine from 3.10 on, that running this one and pyenv's included, by version."""
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *map(str, Path.home().glob(".pyenv/versions/*/bin"))]
    found = {sys.version_info[:2]: sys.executable}
    for path in (path for folder in folders for path in Path(folder).glob("python3.*")):
        named = re.fullmatch(r"python3\.(\d+)", path.name)
        if named and int(named[1]) >= 10 and _runs([str(path), "-c", "import venv, ensurepip"]):
            found.setdefault((3, int(named[1])), str(path))
    return found


def _reads_digits(environment: Environment, model: Path) -> bool:
    with tempfile.TemporaryDirectory(prefix="rowstream-device-") as temporary:
        folder = bundle(ModelFolder(model), Path(temporary))
        test = embedded_splits().test[:CROPS]
        np.save(folder / "crops.npy", test.crops)
        python = str(folder / ".venv" / "bin" / "python")
        made = _runs([environment.python, "-m", "venv", str(folder / ".venv")]) and _runs(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *environment.requirements]
        )
        command = [python, "-m", "device", "classify", "crops.npy", "--model", "model"]
        answers = _lines(command, folder) if made else []
        right = sum(answer["label"] == str(label) for answer, label in zip(answers, test.labels, strict=False))
        version = subprocess.run([environment.python, "--version"], capture_output=True, text=True, check=True).stdout
        print(f"{version.strip()}, {', '.join(environment.requirements)}: {right} of {CROPS} right", flush=True)
        fine = made and _passes(python, folder) and right >= MIN_RIGHT and _follows_advice(python, folder)
        slow = environment.requirements[0].startswith("tflite-runtime")
        return fine and _takes_the_faster_runtime(command, folder) is slow


def _follows_advice(python: str, folder: Path) -> bool:
    """Returns whether `watch` and `serve` work once the commands that their errors print were run as printed."""
    shutil.copy(ROOT / "docs" / "note.png", folder / "note.png")
    watches = _advised([python, "-m", "device", "watch", "note.png"], folder) and _labels(python, folder) == list(NOTE)
    serves = watches and _advised([python, "-m", "device", "serve", "0"], folder) and _serves(python, folder)
    # The packages for cameras must not have changed numpy under the runtime.
    fine = serves and _passes(python, folder)
    print(f"  advice followed: {'works' if fine else f'fails; watch {watches}, serve {serves}'}", flush=True)
    return fine


def _takes_the_faster_runtime(command: Sequence[str], folder: Path) -> bool:
    """Returns whether a command warns of a slow runtime, and no longer once what it advises is installed."""
    taken = _advised(command, folder, ExitStatus.FINE) and not _run(command, folder).stderr
    print(f"  faster runtime: {'advised, installed and used' if taken else 'none advised'}", flush=True)
    return taken


def _advised(command: Sequence[str], folder: Path, status: int = ExitStatus.WRONG_USE) -> bool:
    """Runs the command that the last message of a command advises; returns whether there was one, and it succeeded."""
    child = _run(command, folder)
    _, colon, advice = child.stderr.strip().rpartition(": ")
    return child.returncode == status and bool(colon) and _in_shell(advice, folder)


def _run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, env=_bare(), capture_output=True, text=True, check=False)


def _in_shell(line: str, folder: Path) -> bool:
    child = subprocess.run(line, shell=True, cwd=folder, env=_bare(), capture_output=True, text=True, check=False)  # noqa: S602  # as a person runs it
    if child.returncode:
        print(f"{line}\n{child.stderr}", file=sys.stderr)
    return child.returncode == 0


def _labels(python: str, folder: Path) -> list[object]:
    return [answer["label"] for answer in _lines([python, "-m", "device", "watch", "note.png"], folder)]


def _serves(python: str, folder: Path) -> bool:
    """Returns whether `serve` answers with its page."""
    command = [python, "-m", "device", "serve", "0"]
    with subprocess.Popen(command, cwd=folder, env=_bare(), stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None  # for the type checker
        found = next((match for line in child.stderr if (match := re.search(r"http://127\S+", line))), None)
        try:
            if found is None:
                return False
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(found[0], timeout=60) as answer:
                return bool(answer.status == HTTPStatus.OK)
        finally:
            child.terminate()


def _follows_its_readme(model: Path) -> bool:
    """Returns whether every command of README.txt works as printed, with the files that it leaves to the reader."""
    with tempfile.TemporaryDirectory(prefix="rowstream-device-") as temporary:
        folder = bundle(ModelFolder(model), Path(temporary))
        np.save(folder / "INPUTS.npy", embedded_splits().test[:1].crops)
        shutil.copy(ROOT / "docs" / "note.png", folder / "IMAGE.png")
        # `python3` is the oldest Python here, without any package.
        (folder / "bin").mkdir()
        python3 = folder / "bin" / "python3"
        python3.write_text(f'#!/bin/sh\nexec "{_pythons()[min(_pythons())]}" "$@"\n')
        python3.chmod(0o755)
        lines = [line.strip() for line in (folder / "README.txt").read_text().splitlines() if line.startswith("    ")]
        *others, serve = lines
        failed = [line for line in others if not _in_shell(f'PATH="$PWD/bin:$PATH"; {line}', folder)]
        python = folder / ".venv" / "bin" / "python"
        fine = not failed and serve == ".venv/bin/python -m device serve" and _serves(str(python), folder)
        print(f"README.txt: {len(others)} commands, failed: {failed}; {'works' if fine else 'fails'}", flush=True)
        return fine


def _wheels_read_digits(model: Path) -> Sequence[bool]:
    """Returns for each Python whether the wheel, installed with its dependencies, reads digits and pictures there."""
    with tempfile.TemporaryDirectory(prefix="rowstream-device-") as temporary:
        folder = Path(temporary)
        (wheel, _) = build_wheel(folder)
        test = embedded_splits().test[:CROPS]
        np.save(folder / "crops.npy", test.crops)
        shutil.copy(ROOT / "docs" / "note.png", folder)
        found = {f"{major}.{minor}": python for (major, minor), python in sorted(_pythons().items())}
        print(f"wheel: not on this machine: Python {', '.join(set(PYTHONS) - found.keys()) or '-'}", flush=True)
        labels = [str(label) for label in test.labels]
        made = {each: _with_wheel(found[each], folder / each, wheel) for each in PYTHONS if each in found}
        return [_wheel_reads(each, environment, model.resolve(), labels) for each, environment in made.items()]


def _with_wheel(python: str, environment: Path, wheel: Path) -> Path | None:
    """Returns an environment with the wheel and what it asks for; None if it cannot be made."""
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    made = _runs([python, "-m", "venv", str(environment)]) and _runs([*pip, f"{wheel}[camera]"])
    return environment if made else None


def _wheel_reads(version: str, environment: Path | None, model: Path, labels: Sequence[str]) -> bool:
    if environment is None:
        print(f"wheel on Python {version}: not installed", flush=True)
        return False
    folder, command = environment.parent, str(environment / "bin" / "rowstream")
    chosen = ["--model", str(model)]
    read = _lines([command, "classify", "crops.npy", *chosen], folder)
    right = sum(answer["label"] == label for answer, label in zip(read, labels, strict=False))
    seen = [answer["label"] for answer in _lines([command, "watch", "note.png", *chosen], folder)]
    fine = right >= MIN_RIGHT and seen == list(NOTE) and _runs([command, "verify", str(model)])
    print(f"wheel on Python {version}: {right} of {len(labels)} right; {'works' if fine else 'fails'}", flush=True)
    return fine


def _passes(python: str, folder: Path) -> bool:
    command = [python, "-m", "device", "verify", "model"]
    return subprocess.run(command, cwd=folder, env=_bare(), check=False).returncode == 0


def _lines(command: Sequence[str], folder: Path) -> Sequence[dict[str, object]]:
    child = subprocess.run(command, cwd=folder, env=_bare(), stdout=subprocess.PIPE, text=True, check=False)
    return [json.loads(line) for line in child.stdout.splitlines()]


def _bare() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}


def _runs(command: Sequence[str]) -> bool:
    child = subprocess.run(
        command, env=_bare(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    if child.returncode and "pip" in command:
        print(child.stderr, file=sys.stderr)
    return child.returncode == 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
