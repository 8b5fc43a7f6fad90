"""`rowstream install-service`: writes a systemd unit for a `watch` or `serve` that always runs."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

from ..advice import CAMERA, MQTT, SERVE, pip_install
from ..exit_status import ExitStatus
from ..files.whole_file import write_whole
from .process import warn
from .service_options import ServiceOptions
from .unit import unit_text

_MODE = 0o644


def install_service(options: ServiceOptions, output: TextIO) -> ExitStatus:
    """Writes the unit, and prints its path and on stderr how to start it; or prints the unit itself.

    Raises ImportError if the command needs what is not installed, and OSError if the file cannot be written.
    """
    _check_installed(options)
    package = __name__.partition(".")[0]
    folder = Path.cwd()
    text = unit_text(options, (sys.executable, "-m", package), folder)
    for path in _closed(options, folder):
        warn(f"the service has a user of its own, who may not enter {path}: chmod o+x {path}, or install elsewhere")
    if options.unit is None:
        output.write(text)
        return ExitStatus.FINE
    write_whole(options.unit, text)
    options.unit.chmod(_MODE)
    output.write(f"{options.unit}\n")
    sys.stderr.write(f"start it: systemctl daemon-reload && systemctl enable --now {options.name}\n")
    return ExitStatus.FINE


def _check_installed(options: ServiceOptions) -> None:
    serves, sends = options.page is not None, options.source is not None and options.source.mqtt is not None
    needed: dict[str, tuple[str, ...]] = {"cv2": CAMERA, "PIL": CAMERA}
    needed |= {"starlette": SERVE, "uvicorn": SERVE} if serves else {}
    needed |= {"paho": MQTT} if sends else {}
    missing = [requirement for module, named in needed.items() if find_spec(module) is None for requirement in named]
    if missing:
        raise ImportError(f"{options.arguments[0]} needs what is not installed: {pip_install(*dict.fromkeys(missing))}")


def _closed(options: ServiceOptions, folder: Path) -> Iterator[Path]:
    """Yields the folders on the way to what the service reads that not everybody may enter."""
    needed = (Path(sys.executable), folder, options.command.model.path)
    parents = {parent for path in needed for parent in (folder / path / "any").parents}
    yield from (path for path in sorted(parents) if path.is_dir() and not path.stat().st_mode & stat.S_IXOTH)
