"""`python -m device install`, `rollback`, `status` and `list`: signed releases of models on this device."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TextIO

from ..contract.answers import Answers
from ..contract.manifest import read_manifest
from ..exit_status import ExitStatus
from ..update.device_id import device_id
from ..update.home import Home, release_sha256
from ..update.refused import NotYetError, ReleaseRefusedError
from ..update.report import Report, report_of, reports_of
from ..update.roll_out import RollOut
from ..update.trial import trial_of
from .options import ModelOptions, VerifyOptions
from .update_options import HomeOptions, InstallOptions
from .verify import verify


class _FailedTestError(ReleaseRefusedError):
    """A release that was to be installed does not pass its self-test."""

    def __init__(self, message: str, folder: Path) -> None:
        super().__init__(message)
        self.release = release_sha256(folder)
        self.manifest = read_manifest(folder)


def update(options: HomeOptions | InstallOptions, output: TextIO) -> ExitStatus:
    """Runs one of the commands; status 1 if a release is refused, or there is none.

    Raises ImportError if a package is not installed, OSError if a file cannot be read or written or a report is not
    taken, and ValueError if the root of trust is not as it was.
    """
    own = options.home if isinstance(options, InstallOptions) else options
    home, reporting = Home(own.home), own.reporting
    device = device_id(home, reporting.device) if isinstance(options, InstallOptions) or reporting.wanted else ""
    failed: tuple[Report, ...] = ()
    try:
        status = _run(options, device, output)
    except ReleaseRefusedError as error:
        output.write(f"refused: {error}\n")
        status = ExitStatus.REFUSED
        if isinstance(error, _FailedTestError):
            failed = (report_of(device, error.release, "failed", error.manifest),)
    if reporting.wanted:
        from .reporting import send  # noqa: PLC0415  # the others start faster without

        send((*failed, *reports_of(home, device)), reporting)
    return status


def _run(options: HomeOptions | InstallOptions, device: str, output: TextIO) -> ExitStatus:
    if isinstance(options, HomeOptions):
        if options.command == "rollback":
            _roll_back(options)
        return _print(options, output)
    try:
        _install(options, device)
    except NotYetError as error:
        output.write(f"not yet: {error}\n")
    return _print(options.home, output)


def _install(options: InstallOptions, device: str) -> None:
    try:
        from ..update.install import Source, install  # noqa: PLC0415  # TUF is an extra
    except ModuleNotFoundError as error:
        if error.name not in ("tuf", "securesystemslib", "urllib3"):
            raise
        from ..advice import UPDATE, pip_install  # noqa: PLC0415  # only for those who lack something

        raise ImportError(f"install needs TUF: {pip_install(*UPDATE)}") from error
    from ..update.hardware import hardware  # noqa: PLC0415  # no other command looks

    source = Source(options.source, options.root, options.allow_development, options.allow_bad)
    own, roll_out = options.home, RollOut(device, options.at_once)

    def tested(folder: Path, known: tuple[Answers, ...]) -> None:
        try:
            _self_test(folder, known, own)
        except ReleaseRefusedError as error:
            raise _FailedTestError(str(error), folder) from error

    install(source, Home(own.home), hardware(own.runtime), roll_out, tested)


def _roll_back(options: HomeOptions) -> None:
    from ..update.rollback import roll_back  # noqa: PLC0415  # as `install` is imported

    roll_back(Home(options.home), lambda folder, known: _self_test(folder, known, options))


def _self_test(folder: Path, known: tuple[Answers, ...], options: HomeOptions) -> None:
    """Runs `verify` on a model's folder; raises ReleaseRefusedError if it refuses it."""
    said = io.StringIO()
    model = ModelOptions(folder, options.threads, options.runtime)
    if verify(VerifyOptions(model, known=known), said) is not ExitStatus.FINE:
        raise ReleaseRefusedError(said.getvalue().strip())


def _print(options: HomeOptions, output: TextIO) -> ExitStatus:
    home = Home(options.home)
    current, previous = home.linked(home.current), home.linked(home.previous)
    shown = home.installed() if options.command == "list" else tuple(filter(None, (current,)))
    for name in shown:
        manifest = read_manifest(home.releases / name)
        state = "current" if name == current else "previous" if name == previous else "unused"
        line = {"release": name, "name": manifest.name, "version": manifest.version, "state": state}
        judged = {"good": trial_of(home) is None} if name == current else {}
        output.write(json.dumps({**line, **judged}) + "\n")
    if not shown:
        output.write(f"{home.path}: no release is installed\n")
    return ExitStatus.FINE if shown else ExitStatus.REFUSED
