"""Environments for peers whose packages the project itself does not need: in build/environments, made once.

Each has the packages of a lock file in `locks`, ahead of those of this environment.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from device.files.sha256 import sha256_hex
from pipeline.bench.peers.process import PeerError
from pipeline.folders import BUILD
from pipeline.whole_folder import whole_folder

LOCKS = Path(__file__).with_name("locks")
_LIMIT_S = 900


def python_with(packages: str, locks: Path = LOCKS, into: Path = BUILD / "environments") -> Path:
    """Returns the Python that has the packages of a lock file, `""` for this one; makes its environment if need be.

    Raises PeerError with the installer's reason if they cannot be installed.
    """
    if not packages:
        return Path(sys.executable)
    lock = locks / f"{packages}.txt"
    # Moved environments run: their Python finds what is beside it.
    environment = into.resolve() / f"{packages}-{sha256_hex(lock.read_bytes())[:12]}"
    if not environment.is_dir():
        environment.parent.mkdir(parents=True, exist_ok=True)
        with whole_folder(environment) as folder:
            _install(lock, folder)
    return _python_in(environment)


def _install(lock: Path, folder: Path) -> None:
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "this.pth").write_text("".join(f"{sysconfig.get_path(name)}\n" for name in ("purelib", "platlib")))
    options = ("--quiet", "--disable-pip-version-check", "--no-input", "--retries", "1", "--no-deps")
    pinned = ("--require-hashes", "--only-binary", ":all:", "--requirement", str(lock))
    command = [sys.executable, "-m", "pip", "--python", str(_python_in(folder)), "install", *options, *pinned]
    try:
        child = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LIMIT_S)
    except subprocess.TimeoutExpired:
        raise PeerError(f"{lock.stem}: not installed within {_LIMIT_S} s") from None
    if child.returncode:
        errors = [line for line in child.stderr.splitlines() if line.startswith("ERROR")]
        raise PeerError(f"{lock.stem}: not installed: {(errors or [f'status {child.returncode}'])[-1]}")


def _python_in(environment: Path) -> Path:
    return environment / "bin" / "python"
