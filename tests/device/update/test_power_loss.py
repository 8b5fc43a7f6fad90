"""Tests of `device.update` when the power fails, or the process is killed, at any of its system calls.

What a loss of power may leave is that of `tests.support.disk`. Each of these states is made, and used.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from device.contract.answers import Answers
from device.runner import Runner
from device.update.floor import Floor
from device.update.hardware import hardware
from device.update.home import Home, release_sha256
from device.update.install import Source, install
from device.update.roll_out import RollOut
from device.update.state import read_state
from device.update.trial import BadReleases, Start, Trial, sha256_of, trial_of
from tests.device.update.test_attacks import Fleet, rotated
from tests.support.checkout import THOROUGH, exhaustive
from tests.support.disk import all_left, digest, on_disk, read_tree, survivals, synced_left, write_tree
from tests.support.system_calls import Replay, needs_strace, recorded

pytestmark = needs_strace

# Of the states, one in so many is tried.
EVERY = 1 if THOROUGH else 20
# The releases that were found to work, by their bytes.
ANSWERED: set[str] = set()


class Powered:
    """A device, of whose processes the system calls are recorded, and what a loss of power may leave of it."""

    def __init__(self, folder: Path, home: str = "home") -> None:
        self.fleet = Fleet(folder)
        self.place = folder / "device"
        self.home = Home(self.place / home)
        self.place.mkdir()
        self.fleet.home.rename(self.place / "home")
        self.fleet.home = self.home.path

    def install(self, *options: str) -> str:
        """The code of an installation."""
        fleet = self.fleet
        arguments = ["install", fleet.source, "--home", str(self.home.path), "--root", str(fleet.root), *options]
        return f"import sys; from device.__main__ import main; sys.exit(main({arguments}))"

    def start(self, body: str) -> str:
        """The code of a start with the current release."""
        imports = "from pathlib import Path; from device.update.home import Home; from device.update.trial import Start"
        return f"{imports}\nstart = Start(Home(Path({str(self.home.path)!r})))\n{body}"

    def losses(self, code: str) -> Iterator[str]:
        """Runs the code; puts in place each state that a loss of power may leave during it, and at last after it."""
        replay, draw = Replay(self.place, on_disk(read_tree(self.place))), Random(0)  # noqa: S311  # no secret
        seen = {digest(synced_left(replay.folder))}
        calls = recorded(code, self.place, self.fleet.folder / "log")
        after = digest(read_tree(self.place))
        for number, call in enumerate(calls):
            if not replay.run(call):
                continue
            for how, tree in survivals(replay.folder, draw):
                state = digest(tree)
                if state not in seen and len(seen) % EVERY == 0:
                    self.put(tree)
                    yield f"{how}, after call {number}: {call.name}"
                seen.add(state)
        assert digest(all_left(replay.folder)) == after
        self.put(synced_left(replay.folder))

    def put(self, tree: object) -> None:
        """Puts a state in place."""
        shutil.rmtree(self.place)
        write_tree(tree, self.place)  # type: ignore[arg-type]

    def next_install(self) -> str:
        """Installs the newest release, tested in this process, because there are many."""
        source = Source(self.fleet.source, self.fleet.root, allow_development=False)
        return install(source, self.home, hardware("ai-edge-litert"), RollOut("0" * 32), answers)


@pytest.fixture
def powered(tmp_path: Path) -> Powered:
    """A device with a good release."""
    powered = Powered(tmp_path)
    powered.home.trial(powered.fleet.before).unlink()
    return powered


def answers(folder: Path, _: tuple[Answers, ...] = ()) -> None:
    """Raises ValueError unless the model in a folder loads and answers its golden inputs; once for the same bytes."""
    release = release_sha256(folder)
    if release not in ANSWERED:
        with Runner(folder) as runner:
            runner.golden.check_all(runner.logits, runner.step_logits)
        ANSWERED.add(release)


def bad(home: Home) -> tuple[str, ...]:
    return (read_state(BadReleases, home.bad) or BadReleases()).releases


@pytest.mark.thorough
def test_the_first_installation(tmp_path: Path) -> None:
    """There is no release or one that works, and the next installation succeeds; what is installed stays."""
    powered = Powered(tmp_path, "new/home")
    for how in powered.losses(powered.install()):
        if powered.home.linked(powered.home.current):
            answers(powered.home.current)
        assert powered.next_install() == powered.fleet.before, how
    answers(powered.home.current)
    assert powered.home.root.read_bytes() == powered.fleet.root.read_bytes()


@pytest.mark.slow
def test_a_later_installation(powered: Powered) -> None:
    """`current` is one of the two releases and works, and the next installation succeeds. The keys change meanwhile."""
    fleet, home = powered.fleet, powered.home
    fleet.publish("0.1.1", model="rows")
    powered.next_install()
    home.trial(fleet.current()).unlink()
    earlier = fleet.current()
    rotated(fleet, 1)
    tried = 0
    for how in powered.losses(powered.install()):
        tried += 1
        answers(home.current)
        if fleet.current() == earlier:
            assert trial_of(home) is None, how
            answers(home.releases / fleet.before)
        newest = powered.next_install()
        assert fleet.current() == newest != earlier, how
    assert tried > 200 / EVERY
    assert fleet.current() == newest
    answers(home.current)
    floor = read_state(Floor, home.floor)
    assert floor is not None
    assert (floor.root, floor.targets) == (2, 3)


@pytest.mark.slow
def test_an_installation_while_a_release_is_on_trial(powered: Powered) -> None:
    """The failed starts of the release on trial are not forgotten, and the good one before it stays to go back to."""
    fleet, home = powered.fleet, powered.home
    fleet.publish("0.2.0", model="rows")
    on_trial = powered.next_install()
    for _ in range(2):
        Start(home)
    fleet.publish("0.3.0", model="fast")
    for how in powered.losses(powered.install()):
        answers(home.current)
        answers(home.previous)
        assert home.linked(home.previous) == fleet.before, how
        failed = 2 if fleet.current() == on_trial else 0
        assert trial_of(home) == Trial(fleet.current(), failed), how
        powered.next_install()
    assert fleet.current() != on_trial


@pytest.mark.thorough
def test_a_bad_release_that_is_tried_again(powered: Powered) -> None:
    """It stays bad until it is good, and is on trial once it is current."""
    fleet, home = powered.fleet, powered.home
    fleet.publish("0.2.0", model="rows")
    again = powered.next_install()
    assert [Start(home).release for _ in range(4)][-1] == fleet.before
    for how in powered.losses(powered.install("--allow-bad")):
        answers(home.current)
        assert bad(home) == (sha256_of(again),), how
        assert (trial_of(home) is None) == (fleet.current() == fleet.before), how
    assert trial_of(home) == Trial(again)
    start = Start(home)
    for _ in range(10):
        start.count_reading()
    assert bad(home) == ()


@pytest.mark.thorough
@pytest.mark.parametrize("failed", [0, 1, 2, 3])
def test_a_start(powered: Powered, failed: int) -> None:
    """A counted start stays counted; a release that was gone back from is bad, and the good one before it works."""
    fleet, home = powered.fleet, powered.home
    fleet.publish("0.2.0", model="rows")
    on_trial = powered.next_install()
    for _ in range(failed):
        Start(home)
    for how in powered.losses(powered.start("")):
        answers(home.current)
        answers(home.releases / fleet.before)
        if fleet.current() == fleet.before:
            assert (failed, bad(home)) == (3, (sha256_of(on_trial),)), how
        else:
            trial = trial_of(home)
            assert trial is not None, how
            assert trial.failed_starts in {failed, failed + 1}, how
        assert [Start(home).release for _ in range(4)][-1] == fleet.before, how
        assert bad(home) == (sha256_of(on_trial),), how
    assert trial_of(home) == (Trial(on_trial, failed + 1) if failed < 3 else None)


@pytest.mark.thorough
@pytest.mark.parametrize(("readings", "end"), [(4, "start.end()"), (10, "start.end()"), (10, "")])
def test_readings(powered: Powered, readings: int, end: str) -> None:
    """A release is on trial or good, and never left for its first start; what was counted at the end stays counted."""
    fleet, home = powered.fleet, powered.home
    fleet.publish("0.2.0", model="rows")
    on_trial = powered.next_install()
    body = f"for _ in range({readings}): start.count_reading()\n{end}"
    for how in powered.losses(powered.start(body)):
        assert fleet.current() == on_trial, how
        assert trial_of(home) in {None, Trial(on_trial), Trial(on_trial, 1), Trial(on_trial, 0, readings)}, how
        assert Start(home).release == on_trial, how
    assert trial_of(home) == (None if readings == 10 else Trial(on_trial, 0, readings))


@pytest.mark.thorough
def test_a_rollback(powered: Powered) -> None:
    """`current` is one of the two releases and works, and the next rollback or installation succeeds."""
    fleet, home = powered.fleet, powered.home
    fleet.publish("0.2.0", model="rows")
    later = powered.next_install()
    arguments = ["rollback", "--home", str(home.path)]
    code = f"import sys; from device.__main__ import main; sys.exit(main({arguments}))"
    for how in powered.losses(code):
        assert fleet.current() in {later, fleet.before}, how
        answers(home.current)
        assert powered.next_install() == later, how
        assert json.loads(home.floor.read_bytes())["targets"] == 2, how
    assert fleet.current() == fleet.before


@pytest.mark.thorough
@pytest.mark.parametrize("home", ["home", *exhaustive("new/home")])
def test_a_kill_then_an_installation_then_a_loss_of_power(tmp_path: Path, home: str) -> None:
    """What an installation has reported stays, also if the one before it was killed while it waited for the disk."""
    powered = Powered(tmp_path, home)
    powered.fleet.publish("0.2.0", model="rows")
    replay = Replay(powered.place, on_disk(read_tree(powered.place)))
    for call in recorded(powered.install(), powered.place, tmp_path / "log"):
        if call.name == "fsync":
            killed = Replay(powered.place, copy.deepcopy(replay.folder))
            powered.put(all_left(killed.folder))
            for later in recorded(powered.install(), powered.place, tmp_path / "log"):
                killed.run(later)
            powered.put(synced_left(killed.folder))
            answers(powered.home.current)
            assert powered.home.root.exists()
            floor = read_state(Floor, powered.home.floor)
            assert floor is not None
            assert floor.targets == 2
        replay.run(call)
