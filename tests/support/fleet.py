"""Simulate a fleet that takes a good release and a bad one, by the code that decides on devices and at the maker's.

    python -m tests.support.fleet [--devices N] [--seed N] [--failing-percent N]

Real are the signing, TUF's checks and the whole of `install`, each device's home on a disk (in memory), the share, the
trial, the reports in a file, and the rule that halts or raises the share. Not real are three things: the self-test,
which passes without an interpreter; the model, a few bytes of which nobody reads; and readings, which are only counted.
A device outside the share decides so by the record in the repository, without fetching it first.

Some devices die: their power fails for good before one of their changes to the disk, drawn evenly from those of an
installation and its trial. Each round, four of five devices wake: they install, or run until something is
read or the release before is back. Then they report, and the maker's rule is asked.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tabulate import tabulate

from device.contract.answers import Answers
from device.contract.manifest import MANIFEST_NAME
from device.files.sha256 import sha256_hex
from device.update.device_id import device_id
from device.update.hardware import hardware
from device.update.home import Home, release_sha256
from device.update.install import Source, install
from device.update.refused import NotYetError
from device.update.report import reports_of
from device.update.roll_out import RollOut
from device.update.trial import GOOD_READINGS, MAX_FAILED_STARTS, Start, trial_of
from pipeline.signing.contents import contents
from pipeline.signing.fleet.reports import read_reports
from pipeline.signing.fleet.rule import Plan, decide
from pipeline.signing.keys import RootKeys, make_keys
from pipeline.signing.repository import publish
from pipeline.signing.share import Published, published, set_share
from tests.support.checkout import MODELS, ROOT

STAGES = (10, 50, 200, 500, 1_000)
DYING = 0.03
# Devices with a fault of their own, on which a good release fails, too.
UNLUCKY_PERCENT = 0.1
_MAX_ROUNDS = 60
_CHANGES = frozenset({"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "os.link"})
_TIME_S = 1_700_000_000


class PowerFailure(BaseException):  # no error of the device's code, which must not handle it
    """The device that runs has died."""


@dataclass
class Power:
    """How many changes of the disk are left to the device that runs, if it is to die, and how many were made."""

    left: float = float("inf")
    made: int = 0
    on: bool = False

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        """Lets no change happen once none is left; what then tidies up changes nothing, either."""
        if not self.on:
            return
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if event in _CHANGES or writes:
            if self.left <= self.made:
                raise PowerFailure
            self.made += 1

    @contextmanager
    def running(self) -> Iterator[None]:
        """Counts the changes in the block."""
        self.on = True
        try:
            yield
        finally:
            self.on = False


@functools.cache
def _powers() -> list[Power]:
    """Returns the power of the device that runs, if one does, once the only audit hook looks at it."""
    powers: list[Power] = []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        for power in powers:
            power.hook(event, arguments)

    # It cannot be taken away again.
    sys.addaudithook(hook)
    return powers


class Maker:
    """Keys, a repository with a first release that all devices have, and the file that reports are collected in."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.keys, self.repo, self.inbox = (folder, *(folder / name for name in ("keys", "repo", "inbox")))
        self.root = make_keys(self.keys, RootKeys(1, 1, development=False))
        self.publish("1.0.0", 1_000)
        self.first = self.newest()
        self.template = Home(folder / "first")
        install(Source(str(self.repo), self.root, allow_development=False), self.template, HERE, _all(), _passes)
        start = Start(self.template)
        for _ in range(GOOD_READINGS):
            start.count_reading()

    def publish(self, version: str, permille: int) -> None:
        model = self.folder / f"bundle-{version}" / "model"
        model.mkdir(parents=True)
        content = f"stands for a model, {version}".encode()
        (model / "model.int8.tflite").write_bytes(content)
        shutil.copy(MODELS / "rows" / "golden.bin", model)
        shutil.copy(ROOT / "LICENSE", model.parent)
        manifest = json.loads((MODELS / "rows" / MANIFEST_NAME).read_text())
        manifest["file"] |= {"sha256": sha256_hex(content), "bytes": len(content)}
        (model / MANIFEST_NAME).write_text(json.dumps(manifest | {"version": version}))
        # The release's SHA-256, and so the order of the devices, are the same in each run.
        os.utime(model / MANIFEST_NAME, (_TIME_S, _TIME_S))
        publish(contents(model.parent, (), (), permille), self.keys, self.repo, 90)

    def newest(self) -> Published:
        return published(self.repo)

    def judge(self, plan: Plan) -> Published:
        """Does what `python -m pipeline fleet` does, and returns what the repository has then."""
        newest = self.newest()
        decision = decide(newest, read_reports([self.inbox]), plan)
        if decision.permille != newest.record.permille:
            set_share(self.repo, newest, decision.permille, self.keys, 90)
        return self.newest()


HERE = hardware("ai-edge-litert")


def _all() -> RollOut:
    return RollOut(device_id(Home(Path()), "maker"), at_once=True)


def _passes(_folder: Path, _known: tuple[Answers, ...]) -> None:
    """Stands for the self-test."""


@dataclass
class Device:
    """A device: whether the release fails on it, after how many changes of the disk it dies, and what became of it."""

    id: str
    failing: bool
    power: Power
    home: Home | None = None
    dead: bool = False
    settled: bool = False
    works: bool = True
    reported: dict[str, str] = field(default_factory=dict)

    @property
    def took(self) -> bool:
        """Whether the release was ever its current one, or it died while it took it."""
        return self.dead or bool(self.reported)

    def wake(self, maker: Maker, release: Published) -> None:
        """Installs the release if it is for this device, or runs; then reports what has changed."""
        if self.dead or self.settled:
            return
        try:
            RollOut(self.id).check(release.record, release.release)
        except NotYetError:
            if self.home is None:
                return
        home = self.home = self.home or self._provisioned(maker)
        try:
            with self.power.running():
                self._use(home, maker, release)
            self._report(home, maker, release)
        except PowerFailure:
            self.dead = True
        if self.dead or self.settled:
            self.works = _works(home, maker, release)
            shutil.rmtree(home.path)

    def _use(self, home: Home, maker: Maker, release: Published) -> None:
        if home.linked(home.current) == maker.first.release:
            source = Source(str(maker.repo), None, allow_development=False)
            install(source, home, HERE, RollOut(self.id), _passes)
            return
        for _ in range(MAX_FAILED_STARTS + 1):
            start = Start(home)
            if start.release == release.release and self.failing:
                continue
            for _ in range(GOOD_READINGS):
                start.count_reading()
            start.end()
            break
        self.settled = trial_of(home) is None

    def _report(self, home: Home, maker: Maker, release: Published) -> None:
        for report in reports_of(home, self.id):
            if report.release == release.release and self.reported.get(report.release) != report.state:
                self.reported[report.release] = report.state
                with maker.inbox.open("a") as inbox:
                    inbox.write(json.dumps(dataclasses.asdict(report)) + "\n")

    def _provisioned(self, maker: Maker) -> Home:
        home = Home(maker.folder / "homes" / self.id)
        shutil.copytree(maker.template.path, home.path, symlinks=True, copy_function=os.link)
        return home


def _works(home: Home, maker: Maker, release: Published) -> bool:
    """Returns whether `current` leads to one of the two releases, with all its bytes."""
    current = home.linked(home.current)
    return current in (maker.first.release, release.release) and release_sha256(home.releases / str(current)) == current


@dataclass(frozen=True)
class Outcome:
    """What became of a roll-out: how many devices took the release, have it as good, went back from it and died."""

    devices: int
    permille: int
    rounds: int
    took: int
    good: int
    failed: int
    dead: int
    without_a_model: int

    @property
    def reached_all_alive(self) -> bool:
        return self.took == self.devices and self.good + self.failed + self.dead == self.devices


def roll_out(devices: int, seed: int, failing_percent: float, stages: tuple[int, ...] = STAGES) -> Outcome:
    """Rolls a release out that fails on some devices, until it is halted or all that live have decided on it.

    The stages are in permille.
    """
    # fsync waits for a disk.
    memory = Path("/dev/shm")  # noqa: S108  # a new folder in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        maker = Maker(Path(folder))
        try:
            return _roll_out(maker, _fleet(maker, devices, random.Random(seed), failing_percent), stages, seed)
        finally:
            _powers().clear()


def _fleet(maker: Maker, count: int, draw: random.Random, failing_percent: float) -> list[Device]:
    changes = _changes_of_one(maker)
    fleet = []
    for number in range(count):
        power = Power(draw.randrange(changes)) if draw.random() < DYING else Power()
        failing = draw.random() < failing_percent / 100
        fleet.append(Device(device_id(maker.template, f"device {number}"), failing, power))
    (said,) = reports_of(maker.template, fleet[0].id)
    lines = [json.dumps(dataclasses.asdict(dataclasses.replace(said, device=each.id))) for each in fleet]
    maker.inbox.write_text("\n".join(lines) + "\n")
    return fleet


def _roll_out(maker: Maker, fleet: list[Device], stages: tuple[int, ...], seed: int) -> Outcome:
    maker.publish("2.0.0", stages[0])
    release, rounds, draw = maker.newest(), 0, random.Random(seed)
    plan = Plan(max_failures=0.01, stages=stages)
    while release.record.permille and rounds < _MAX_ROUNDS and not all(each.dead or each.settled for each in fleet):
        for each in draw.sample(fleet, 4 * len(fleet) // 5):
            _powers()[:] = [each.power]
            each.wake(maker, release)
        release, rounds = maker.judge(plan), rounds + 1
    return _outcome(fleet, release, rounds)


def _changes_of_one(maker: Maker) -> int:
    """Returns how many changes of the disk a device makes that takes a release until it is good."""
    maker.publish("1.5.0", 1_000)
    one = Device(device_id(maker.template, "one"), failing=False, power=Power())
    _powers()[:] = [one.power]
    for _ in range(2):
        one.wake(maker, maker.newest())
    maker.inbox.unlink()
    return one.power.made


def _outcome(fleet: list[Device], release: Published, rounds: int) -> Outcome:
    states = [each.reported.get(release.release) for each in fleet if not each.dead]
    return Outcome(
        *(len(fleet), release.record.permille, rounds),
        took=sum(each.took for each in fleet),
        good=states.count("good"),
        failed=states.count("failed"),
        dead=sum(each.dead for each in fleet),
        without_a_model=sum(not each.works for each in fleet),
    )


def main() -> int:
    """Prints what became of a good and of a bad release; status 1 if that is not what must hold."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--failing-percent", type=float, default=20.0, help="of the devices, on which the bad one fails"
    )
    given = parser.parse_args()
    bad = roll_out(given.devices, given.seed, given.failing_percent)
    good = roll_out(given.devices, given.seed, UNLUCKY_PERCENT)
    rows = [{"release": name, **dataclasses.asdict(each)} for name, each in (("bad", bad), ("good", good))]
    print(tabulate(rows, headers="keys"))
    holds = bad.permille == 0 and bad.took < 0.02 * given.devices and good.reached_all_alive
    return 0 if holds and not bad.without_a_model + good.without_a_model else 1


if __name__ == "__main__":
    sys.exit(main())
