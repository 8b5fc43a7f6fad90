"""`rowstream install-service`: its arguments, and its options, checked when they are made."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..sources.names import is_address, is_camera_name

if TYPE_CHECKING:
    from .arguments import Options
    from .source_options import ServeOptions, SourceOptions

DEFAULT_UNIT = Path("/etc/systemd/system/rowstream.service")
# The folder of a service's own, which systemd makes: StateDirectory= in systemd.exec(5).
STATE = PurePosixPath("/var/lib")
_STDOUT = "-"
# Characters of a unit's name in systemd.unit(5), without @, which would make it a template.
_UNIT_NAME = re.compile(r"[A-Za-z0-9:_.-]{1,100}\.service")
_COMMANDS = ("watch", "serve")
_WATCHDOG_S, _INTERVALS = 60.0, 3
_MAX_WATCHDOG_S = 604_800
_UNPRIVILEGED_PORT = 1_024


@dataclass(frozen=True)
class ServiceOptions:
    """`install-service`: the command that the service runs, and what it asks for.

    Attributes:
        arguments: the command as it is typed, `watch` or `serve` first.
        command: the same, checked.
        unit: the file to write; None to print it.
        watchdog_s: after how long without a frame the service is started again; None for three intervals, or a minute.
    """

    arguments: tuple[str, ...]
    command: SourceOptions | ServeOptions
    unit: Path | None
    watchdog_s: float | None

    def __post_init__(self) -> None:
        if self.unit is not None and not _UNIT_NAME.fullmatch(self.unit.name):
            raise ValueError(f"Expected --output of a file NAME.service, or -. Received: {self.unit}")
        self._check_home(self.command.model.home)
        if self.source is not None:
            self._check_source(self.source)
        elif self.watchdog_s is not None:
            raise ValueError("Expected --watchdog with a source to watch. Received: a page to draw on")
        if self.page is not None and self.page.address.port < _UNPRIVILEGED_PORT:
            expected = f"Expected a port of {_UNPRIVILEGED_PORT} or more, because the service has no privileges"
            raise ValueError(f"{expected}. Received: {self.page.address.port}")

    @property
    def page(self) -> ServeOptions | None:
        """The page that the command serves."""
        from .source_options import ServeOptions  # noqa: PLC0415  # no other command pays for its imports

        return self.command if isinstance(self.command, ServeOptions) else None

    @property
    def source(self) -> SourceOptions | None:
        """The source that the command watches."""
        from .source_options import SourceOptions  # noqa: PLC0415  # no other command pays for its imports

        return self.command if isinstance(self.command, SourceOptions) else self.command.source

    @property
    def name(self) -> str:
        """The service's name, which its own folder below /var/lib has, too."""
        return (self.unit or DEFAULT_UNIT).stem

    @property
    def longest_pause_s(self) -> float | None:
        """How long the service may be without a frame; None without a source."""
        if self.source is None:
            return None
        return self.watchdog_s or max(_WATCHDOG_S, _INTERVALS * self.source.watching.interval_s)

    def _check_source(self, source: SourceOptions) -> None:
        if not (is_camera_name(source.name) or is_address(source.name)):
            expected = "Expected a camera or an rtsp or http address, which have no end"
            raise ValueError(f"{expected}. Received: {source.name}")
        if source.show:
            raise ValueError("Expected a command without --show, because a service has no screen. Received: --show")
        interval_s, watchdog_s = source.watching.interval_s, self.watchdog_s
        if watchdog_s is not None and not (math.isfinite(watchdog_s) and interval_s < watchdog_s <= _MAX_WATCHDOG_S):
            expected = f"Expected --watchdog above --interval, {interval_s:g}, and up to {_MAX_WATCHDOG_S} seconds"
            raise ValueError(f"{expected}. Received: {watchdog_s:g}")
        written = {"--dump-crops": source.dump_crops, "--keep-unsure": source.keep_unsure, "--record": source.record}
        for option, path in written.items():
            self._check_written(option, path)

    def _check_home(self, home: Path | None) -> None:
        own = STATE / self.name
        if home is None:
            return
        if not any(argument.startswith("--home") for argument in self.arguments):
            raise ValueError("Expected --home in the command, because the service has another environment")
        if home != Path(own) and (".." in home.parts or own not in PurePosixPath(home).parents):
            raise ValueError(f"Expected --home in {own}, where alone the service may write. Received: {home}")

    def _check_written(self, option: str, path: Path | None) -> None:
        own = STATE / self.name
        if path is not None and (".." in path.parts or own not in PurePosixPath(path).parents):
            raise ValueError(f"Expected {option} below {own}, where alone the service may write. Received: {path}")


def add_install_service(parser: argparse.ArgumentParser, parsed: Callable[[tuple[str, ...]], Options]) -> None:
    """Adds the arguments of `install-service`; `parsed` reads those of the command that the service runs."""
    parser.description = "Write a systemd unit that runs watch or serve, and starts it again when no frame comes."
    parser.usage = "%(prog)s [OPTIONS] watch|serve ..."
    output = f"the unit's file, or - to print it (default: {DEFAULT_UNIT})"
    parser.add_argument("--output", default=str(DEFAULT_UNIT), metavar="FILE", help=output)
    watchdog = "start it again after so long without a frame (default: 60, or three intervals if that is more)"
    parser.add_argument("--watchdog", type=float, metavar="SECONDS", help=watchdog)
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the command to run, as it is typed")
    parser.set_defaults(options=lambda given: _service_options(given, parsed))


def _service_options(given: argparse.Namespace, parsed: Callable[[tuple[str, ...]], Options]) -> ServiceOptions:
    from .source_options import ServeOptions, SourceOptions  # noqa: PLC0415  # no other command pays for its imports

    arguments = tuple(given.command[given.command[:1] == ["--"] :])
    if not arguments or arguments[0] not in _COMMANDS:
        received = " ".join(arguments) or "none"
        raise ValueError(f"Expected the command that the service runs, watch or serve. Received: {received}")
    command = parsed(arguments)
    if not isinstance(command, SourceOptions | ServeOptions):
        raise TypeError(f"Expected the options of watch or serve. Received: {command}")
    unit = None if given.output == _STDOUT else Path(given.output)
    return ServiceOptions(arguments, command, unit, given.watchdog)
