"""Prepares what `make test-pi` needs: Debian's packages for Arm, wheels for Arm, and the plugin that counts.

Nothing is installed, and nothing of it runs: packages and wheels are unpacked into `build/pi`. Sources: QEMU's
documentation, User Mode Emulation and TCG plugins; pip's documentation, `pip download --platform`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from tests.support.pi.machines import MACHINES, describe

_PLUGIN_SOURCE = Path(__file__).with_name("instructions.c")
_TOOLS: Mapping[str, str] = MappingProxyType(
    {"qemu-aarch64": "qemu-user", "qemu-arm": "qemu-user", "gcc": "gcc", "dpkg-deb": "dpkg", "apt-get": "apt"}
)
_PYTHON = ("python3.11", "libstdc++6")
_PACKAGES: Mapping[str, Sequence[str]] = MappingProxyType(
    {"arm64": _PYTHON, "armhf": (*_PYTHON, "python3-numpy")}  # there is no wheel of numpy for 32 bits
)
_ARM64 = ("manylinux_2_34_aarch64", "manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64")
# By folder: the platforms of the wheels, and what to install.
_WHEELS: Mapping[str, tuple[Sequence[str], Sequence[str]]] = MappingProxyType(
    {
        "ai-edge-litert-arm64": (_ARM64, ("ai-edge-litert==2.3.0", "numpy==2.4.6")),
        "tflite-runtime-arm64": (_ARM64, ("tflite-runtime==2.14.0", "numpy==1.26.4")),
        "tflite-runtime-armhf": (("manylinux_2_34_armv7l",), ("--no-deps", "tflite-runtime==2.14.0")),
    }
)


class NotPreparedError(RuntimeError):
    """Something that the emulation needs is not to be had now; the message says what."""


def prepare(folder: Path) -> None:
    """Makes what is missing in `folder`; raises NotPreparedError with the reason if that is not possible."""
    for tool, package in _TOOLS.items():
        if shutil.which(tool) is None:
            raise NotPreparedError(f"Expected {tool} (Debian: apt-get install {package}). Found none")
    folder.mkdir(parents=True, exist_ok=True)
    _once(folder / "instructions.so", _compile)
    for name in _WHEELS:
        _once(folder / f"site-{name}", _unpack_wheels)
    for machine in MACHINES.values():
        _once(folder / f"packages-{machine.architecture}", _unpack_packages)
        root = folder / f"root-{machine.name}"
        if not root.exists():
            shutil.copytree(folder / f"packages-{machine.architecture}", root, symlinks=True)
            if machine.processor is not None:
                describe(machine.processor, root)


def _once(target: Path, make: Callable[[Path, str], None]) -> None:
    """Makes a file or folder beside its place and moves it there, unless it is there."""
    if target.exists():
        return
    unfinished = target.with_name(f".{target.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    make(unfinished, target.name)
    unfinished.rename(target)


def _compile(target: Path, _name: str) -> None:
    _run(["gcc", "-shared", "-fPIC", "-O2", "-o", str(target), str(_PLUGIN_SOURCE)])


def _unpack_wheels(target: Path, name: str) -> None:
    platforms, requirements = _WHEELS[name.removeprefix("site-")]
    _run(
        [
            *(
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--target",
                str(target),
            ),
            *("--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp"),
            *(word for platform in platforms for word in ("--platform", platform)),
            *requirements,
        ]
    )


def _unpack_packages(target: Path, name: str) -> None:
    architecture = name.removeprefix("packages-")
    state = target.with_name(f".apt-{architecture}")
    for part in ("lists/partial", "cache/archives/partial"):
        (state / part).mkdir(parents=True, exist_ok=True)
    (state / "sources.list").write_text(
        f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {_mirror()} bookworm main\n"
    )
    (state / "status").touch()
    apt = ["apt-get", "-qq", *_apt_options(architecture, state)]
    _run([*apt, "update"])
    _run([*apt, "-y", "--download-only", "install", *_PACKAGES[architecture]])
    target.mkdir()
    for package in sorted((state / "cache" / "archives").glob("*.deb")):
        _run(["bash", "-c", 'dpkg-deb --fsys-tarfile "$0" | tar -x -C "$1" --keep-directory-symlink', package, target])
    shutil.rmtree(state)


def _apt_options(architecture: str, state: Path) -> list[str]:
    settings = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "0",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "1",
        "Dir::State": str(state.resolve()),
        "Dir::State::lists": str((state / "lists").resolve()),
        "Dir::State::status": str((state / "status").resolve()),
        "Dir::Cache": str((state / "cache").resolve()),
        "Dir::Etc::sourcelist": str((state / "sources.list").resolve()),
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _mirror() -> str:
    """Returns the mirror that this machine's own apt takes Debian 12 from."""
    target = ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", "Codename: bookworm"]
    sites = sorted(set(_run(target).split()))
    if not sites:
        raise NotPreparedError("Expected Debian 12 (bookworm) in apt's sources. Found none: apt-get update")
    return sites[0]


def _run(command: Sequence[str | Path]) -> str:
    child = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if child.returncode:
        last_line = (child.stdout + child.stderr).strip().rpartition("\n")[2]
        raise NotPreparedError(f"{' '.join(map(str, command[:3]))} … ended with {child.returncode}: {last_line}")
    return child.stdout
