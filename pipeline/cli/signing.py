"""The commands that pack releases, make keys and sign."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from device.exit_status import ExitStatus
from device.interpreter import RUNTIMES
from device.update.release import ALL_PERMILLE
from pipeline.cli.command import require
from pipeline.cli.commands import Gate
from pipeline.folders import MODELS, finished_model, model_folder

_MAX_VALID_DAYS = 3650


@dataclass(frozen=True)
class Bundle:
    """Pack a release with the device side, and sign it, if it passes the gate; exit status 1: refused."""

    name: str
    into: Path
    keys: Path | None
    answers: tuple[Path, ...] | None
    data: Path | None
    trust: bool

    def run(self) -> ExitStatus:
        model = finished_model(model_folder(self.name).path)
        require(model.manifest, self.keys, self.data, *(self.answers or ()))
        try:
            from pipeline.signing.development import development_keys
        except ImportError as error:
            raise RuntimeError(f"Expected what signs: pip install 'rowstream[sign]'. {error}") from error
        from pipeline.release.bundle import bundle

        if refusal := _refusal(Gate(model.path, MODELS / "limits.toml", None, self.data, self.trust)):
            print(f"refused: {model.path}: {refusal}", file=sys.stderr)
            return ExitStatus.REFUSED
        keys = self.keys or development_keys()
        packed = bundle(model, self.into)
        print(packed)
        Sign(packed, keys, self.into / "repository" / self.name, answers=self.answers).run()
        print("On the device, run first what README.txt says: python -m device verify model", file=sys.stderr)
        if self.keys is None:
            marked = "devices refuse what they sign, except with --allow-development-keys"
            print(f"Signed with development keys, {keys}: {marked}", file=sys.stderr)
        return ExitStatus.FINE


def _refusal(gate: Gate) -> str:
    """Returns why a model may not be bundled, in one line, or nothing; it is judged unless it has passed before."""
    from pipeline.gate.check import Verdict

    try:
        if gate.has_passed():
            return ""
        print(f"{gate.folder}: the gate judges it first, as `make gate` has not passed these files", file=sys.stderr)
        judgement = gate.judged()
    except (OSError, ValueError, RuntimeError) as error:
        return f"the gate cannot judge it: {_line(str(error))}"
    if judgement.verdict is Verdict.PASSED:
        return ""
    first, *others = (check for _, check in judgement.failures if check.verdict is judgement.verdict)
    more = f", and {len(others)} more in {gate.reports.summary}" if others else ""
    return f"the gate's verdict is: {judgement.verdict.value}: {_line(f'{first.name}: {first.reason}')}{more}"


def _line(text: str) -> str:
    return " ".join(text.split())


@dataclass(frozen=True)
class Keys:
    """Make the keys that sign releases, and the root of trust that devices get, in a folder outside any checkout."""

    folder: Path
    root_keys: int
    threshold: int
    development: bool

    def run(self) -> None:
        from pipeline.signing.keys import RootKeys, make_keys

        print(make_keys(self.folder, RootKeys(self.root_keys, self.threshold, self.development)))
        print("Keep the files root-*.pem offline; devices get the root of trust.", file=sys.stderr)


@dataclass(frozen=True)
class Rotate:
    """Replace a key that signs releases, or one of the root's, by a new root that devices follow."""

    folder: Path
    key: str

    def run(self) -> None:
        require(self.folder)
        from pipeline.signing.rotate import rotate

        print(rotate(self.folder, self.key))
        print("Sign a release again: devices follow the new root with it.", file=sys.stderr)


@dataclass(frozen=True)
class Sign:
    """Sign a bundle into a repository that devices install from: a folder to copy, or to serve by HTTP."""

    bundle: Path
    keys: Path
    to: Path
    processor: tuple[str, ...] | None = None
    runtime: tuple[str, ...] | None = None
    permille: int = ALL_PERMILLE
    answers: tuple[Path, ...] | None = None
    valid_days: int = 90

    def __post_init__(self) -> None:
        _check_days(self.valid_days)

    def run(self) -> None:
        given = self.answers or ()
        require(self.bundle, self.keys, *given)
        from pipeline.signing.answers import answers_here, read_answers
        from pipeline.signing.contents import contents
        from pipeline.signing.repository import publish

        answers = (*answers_here(self.bundle / "model", self.runtime or RUNTIMES), *read_answers(given))
        release = contents(self.bundle, self.processor or (), self.runtime or (), self.permille, answers)
        version = publish(release, self.keys, self.to, self.valid_days)
        print(f"{self.to}: {release.record.name} {release.record.version}, version {version} of this repository")
        held = ", ".join(each.where for each in release.record.answers)
        print(f"Devices are held to the exact answers of: {held or 'none'}", file=sys.stderr)


@dataclass(frozen=True)
class Fleet:
    """Count what devices report of releases, and halt the roll-out of the newest one or raise its share."""

    reports: tuple[Path, ...]
    repository: Path
    keys: Path | None
    max_failures_percent: float
    advance: tuple[int, ...]
    valid_days: int

    def __post_init__(self) -> None:
        _check_days(self.valid_days)

    def run(self) -> ExitStatus:
        """Returns status 1 if the roll-out is halted, or would be with keys."""
        require(*self.reports, self.repository, self.keys)
        from pipeline.signing.fleet.reports import read_reports, table
        from pipeline.signing.fleet.rule import Plan, decide
        from pipeline.signing.share import published, set_share

        plan, release = Plan(self.max_failures_percent / 100, self.advance), published(self.repository)
        read = read_reports(self.reports)
        if read.faults:
            print(f"{len(read.faults)} lines are no reports; the first: {read.faults[0]}", file=sys.stderr)
        print(table(read))
        decision, before = decide(release, read, plan), release.record.permille
        if decision.permille != before and self.keys is not None:
            set_share(self.repository, release, decision.permille, self.keys, self.valid_days)
        named = f"{release.record.name} {release.record.version} ({release.release[:12]}), {before / 10:g} %"
        done = "" if self.keys is not None else "would be "
        said = "stays" if decision.permille == before else f"{done}{_changed(decision.permille)}"
        print(f"{named}: {said}: {decision.reason}")
        return ExitStatus.FINE if decision.permille else ExitStatus.REFUSED


def _changed(permille: int) -> str:
    return f"raised to {permille / 10:g} %" if permille else "halted"


def _check_days(days: int) -> None:
    if not 1 <= days <= _MAX_VALID_DAYS:
        raise ValueError(f"Expected --valid-days in 1..{_MAX_VALID_DAYS}. Received: {days}")
