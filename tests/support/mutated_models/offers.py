"""Offers a device broken models behind valid signatures, and tells what became of each."""

from __future__ import annotations

import dataclasses
import io
import multiprocessing
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from device.arrays import Int8
from device.cli import verify
from device.cli.update import update
from device.cli.update_options import HomeOptions, InstallOptions
from device.contract.manifest import read_manifest
from device.files.sha256 import sha256_hex
from device.interpreter import RUNTIMES
from device.runner import Runner
from pipeline.signing.answers import answers_here
from pipeline.signing.contents import contents
from pipeline.signing.keys import RootKeys, make_keys
from pipeline.signing.repository import publish
from tests.support.broken import broken
from tests.support.checkout import MODELS, ROOT


class Outcome(str, Enum):
    """What became of a model; all but the last two are refused.

    tflite-runtime reads beyond a broken file, so that what it finds there is another thing in another process. Such a
    release, if it is current, fails on its trial.
    """

    READER = "refused by the reader"
    MEMORY = "out of memory"
    CRASH = "crash by a signal"
    LATE = "no answer in time"
    OUTPUTS = "wrong outputs"
    WITHIN = "within golden ranges, not exact"
    EXACT = "installed, exact on golden inputs"
    ONCE = "installed, exact in its self-test alone"


# The reasons that a device gives, the first that fits.
_REASONS = (
    (re.compile("ended with SIG"), Outcome.CRASH),
    (re.compile("no answer within"), Outcome.LATE),
    (re.compile("MemoryError|bad_alloc"), Outcome.MEMORY),
    (re.compile("but not those of"), Outcome.WITHIN),
    (re.compile("Expected the answers that the model gave"), Outcome.OUTPUTS),
    (re.compile(""), Outcome.READER),
)


@dataclass(frozen=True)
class Offer:
    """A seed's model: what became of it, how long that took, and what the device said."""

    seed: int
    outcome: Outcome
    wall_s: float
    said: str


class Target:
    """A device with a released model, and the maker whom it trusts, in a folder."""

    def __init__(self, folder: Path, model: str, runtime: str) -> None:
        self._folder, self._runtime, self._bundle = folder, runtime, folder / "bundle"
        self._root = make_keys(folder / "keys", RootKeys(1, 1, development=False))
        shutil.copytree(MODELS / model, self._bundle / "model")
        shutil.copy(ROOT / "LICENSE", self._bundle)
        self._manifest = read_manifest(MODELS / model)
        self._content = self._manifest.verified_content(MODELS / model)
        self._known = answers_here(MODELS / model, (runtime,))
        self._right = self._answers(MODELS / model)
        if self._installed(self._content):
            raise RuntimeError("Expected the released model to be installed. It was refused")

    def offer(self, seed: int) -> Offer:
        """Signs a broken model and installs it; raises RuntimeError if it is refused and is current all the same."""
        content, current = broken(self._content, seed), self._folder / "home" / "current"
        before, began = current.readlink(), time.perf_counter()
        refusal = self._installed(content)
        wall_s = time.perf_counter() - began
        if not refusal:
            return Offer(seed, Outcome.EXACT if self._is_exact(current) else Outcome.ONCE, wall_s, "")
        if current.readlink() != before:
            raise RuntimeError(f"seed {seed}: Expected the release before. Received: {refusal}")
        outcome = next(outcome for reason, outcome in _REASONS if reason.search(refusal))
        return Offer(seed, outcome, wall_s, refusal)

    def _installed(self, content: bytes) -> str:
        """Signs a model and installs it as `install` does; returns why it was refused, or nothing."""
        file = dataclasses.replace(self._manifest.file, bytes=len(content), sha256=sha256_hex(content))
        dataclasses.replace(self._manifest, file=file).write(self._bundle / "model")
        (self._bundle / "model" / file.name).write_bytes(content)
        repository, said = self._folder / "repository", io.StringIO()
        shutil.rmtree(repository / "targets", ignore_errors=True)
        known = tuple(dataclasses.replace(each, file_sha256=file.sha256) for each in self._known)
        publish(contents(self._bundle, (), (), answers=known), self._root.parent, repository, 90)
        home = HomeOptions("install", self._folder / "home", 1, self._runtime)
        status = update(InstallOptions(home, str(repository), self._root, False, False, at_once=False), said)
        return said.getvalue() if status else ""

    def _is_exact(self, folder: Path) -> bool:
        try:
            return np.array_equal(self._answers(folder), self._right)
        except ValueError:  # it does not load this time
            return False

    def _answers(self, folder: Path) -> Int8:
        """Returns the logits of the golden inputs, `<int8>[n, 1 + steps, 10]`: whole, and after each time step."""
        with Runner(folder, runtime=self._runtime) as runner:
            return np.array([(runner.logits(crop), *runner.step_logits(crop)) for crop in runner.golden.crops])


def offers(folder: Path, model: str, runtime: str, seeds: Sequence[int]) -> list[Offer]:
    """Returns what became of the models of these seeds on one device."""
    target = Target(folder, model, runtime)
    return [target.offer(seed) for seed in seeds]


def start_quickly(runtime: str) -> None:
    """Has self-tests forked from a process that has imported what they need, as starting takes most of their time."""
    verify._CONTEXT = multiprocessing.get_context("forkserver")  # noqa: SLF001
    multiprocessing.set_forkserver_preload([verify.__name__, "device.runner", f"{RUNTIMES[runtime]}.interpreter"])
