"""The commands that install releases: their arguments, and their options, checked when they are made."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ..interpreter import RUNTIMES, check_threads
from ..sending.broker import Broker
from ..sending.post import checked_url
from .arguments import HOME, add_home, checked, home_by_default

_DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "install": "Check a signed release, test it in a process of its own, and make it the current one. Exit status "
        "1: refused; the current one stays.",
        "rollback": "Test the release before the current one, and make it the current one. It needs no network.",
        "status": "Print the current release as a line of JSON. Exit status 1: there is none.",
        "list": "Print each installed release as a line of JSON.",
    }
)


_REPORTING = ("install", "rollback", "status")


@dataclass(frozen=True)
class ReportOptions:
    """Where reports of the device's releases are sent, and the name of the device, if it is given one."""

    device: str | None = None
    mqtt: Broker | None = None
    post: str | None = None

    @property
    def wanted(self) -> bool:
        return self.mqtt is not None or self.post is not None


@dataclass(frozen=True)
class HomeOptions:
    """`rollback`, `status` and `list`: the folder of the releases, and how the model runs when it is tested."""

    command: str
    home: Path
    threads: int
    runtime: str | None
    reporting: ReportOptions = ReportOptions()

    def __post_init__(self) -> None:
        check_threads(self.threads)


@dataclass(frozen=True)
class InstallOptions:
    """`install`: the source, a folder or an address; the root of trust; and what else it may be.

    That is a root of development keys, a release that failed here before, and one that is not for this device yet.
    """

    home: HomeOptions
    source: str
    root: Path | None
    allow_development: bool
    allow_bad: bool
    at_once: bool

    def __post_init__(self) -> None:
        if not self.source.startswith(("http://", "https://")) and not Path(self.source).is_dir():
            raise FileNotFoundError(f"{self.source}: Expected a folder or an http(s) address. Found neither")
        if self.root is not None and not self.root.is_file():
            raise FileNotFoundError(f"{self.root}: Expected a file with the root of trust. Found none")


def add_update(name: str, parser: argparse.ArgumentParser) -> None:
    """Adds the options of one of the commands."""
    parser.description = _DESCRIPTIONS[name]
    add_home(parser)
    if name == "install":
        parser.add_argument("source", metavar="SOURCE", help="what `python -m pipeline sign` wrote: a folder or URL")
        root = "the root of trust; the first installation needs it and keeps it"
        parser.add_argument("--root", type=Path, metavar="ROOT.json", help=root)
        parser.add_argument("--allow-development-keys", action="store_true", help="take what development keys signed")
        parser.add_argument("--allow-bad", action="store_true", help="take a release that failed here before")
        now = "take it although it is not for this device yet"
        parser.add_argument("--now", action="store_true", help=now)
    if name in _REPORTING:
        own = "a name of this device that no other has (default: its machine's id, or one made once)"
        parser.add_argument("--device-id", metavar="NAME", help=own)
        topic = "publish to this broker what this device runs, and whether it is good"
        parser.add_argument("--mqtt", type=checked(Broker.parse), metavar="HOST[:PORT][/TOPIC]", help=topic)
        url = "post to this address what this device runs, and whether it is good"
        parser.add_argument("--post", type=checked(checked_url), metavar="URL", help=url)
    if name in ("install", "rollback"):
        parser.add_argument("--threads", type=int, default=1, help="threads of the self-test (default: 1)")
        parser.add_argument("--runtime", choices=tuple(RUNTIMES), help="the interpreter (default: the first installed)")
    parser.set_defaults(options=_update_options)


def _update_options(given: argparse.Namespace) -> HomeOptions | InstallOptions:
    """Returns what the arguments ask for.

    Raises OSError if a file or folder that they name is not there, and ValueError if nothing names a home.
    """
    folder = given.home or home_by_default()
    if folder is None:
        raise ValueError(f"Expected --home DIR, or {HOME}. Received neither")
    runs = given.chosen in ("install", "rollback")
    threads, runtime = (given.threads, given.runtime) if runs else (1, None)
    reporting = (
        ReportOptions(given.device_id, given.mqtt, given.post) if given.chosen in _REPORTING else ReportOptions()
    )
    home = HomeOptions(given.chosen, folder, threads, runtime, reporting)
    if given.chosen != "install":
        return home
    return InstallOptions(home, given.source, given.root, given.allow_development_keys, given.allow_bad, given.now)
