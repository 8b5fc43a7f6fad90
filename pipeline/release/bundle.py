"""Packs a release with the device side, for a machine without TensorFlow."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import device
from device.contract.manifest import GOLDEN_NAME, read_manifest
from device.files.sha256 import sha256_hex
from pipeline.folders import ModelFolder
from pipeline.whole_folder import whole_folder

_README = """\
Runs {name} on this machine. Python 3.10 or later.

    python3 -m venv .venv
    .venv/bin/pip install -r requirements.txt
    .venv/bin/python -m device verify model
    .venv/bin/python -m device classify INPUTS.npy

For images, cameras and videos:

    .venv/bin/pip install -r requirements-camera.txt
    .venv/bin/python -m device watch IMAGE.png

For a page in the browser:

    .venv/bin/pip install -r requirements-serve.txt
    .venv/bin/python -m device serve

Run `verify` first, and after each change of the machine's Python packages: it checks that the model answers here as it
did when it was made. `sha256sum --check SHA256SUMS` checks that every file was copied whole.
`model/README.md` says what the model was measured on. LICENSE is the licence of all files here.
"""


def bundle(model: ModelFolder, into: Path) -> Path:
    """Makes `into/<name>-<version>/`, in place of an earlier one, and returns it.

    Raises ManifestError if the manifest is invalid, or the files are not those it describes; see also `whole_folder`.
    """
    manifest = read_manifest(model.path)
    content, golden = manifest.verified_content(model.path), manifest.verified_golden(model.path)
    target = into / f"{manifest.name}-{manifest.version}"
    with whole_folder(target) as folder:
        _fill(folder, model, {manifest.file.name: content, GOLDEN_NAME: golden})
        (folder / "README.txt").write_text(_README.format(name=target.name))
        (folder / "SHA256SUMS").write_text(_sums(folder))
    return target


def copy_device(target: Path, package: str) -> None:
    """Copies the device side into a folder, as a package of this name, with its licence."""
    source = Path(device.__file__).parent
    shutil.copytree(source, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(source.parent / "LICENSE", target)


def _fill(target: Path, model: ModelFolder, verified: Mapping[str, bytes]) -> None:
    copy_device(target, "device")
    (target / "model").mkdir()
    for name, content in verified.items():
        (target / "model" / name).write_bytes(content)
    for file in (model.manifest, model.card, *filter(Path.is_file, model.pictures)):
        # With its time, which `sign` takes for that of the release: a bundle made again is the same release.
        shutil.copy2(file, target / "model")
    for requirements in (target / "device").glob("requirements*.txt"):
        shutil.move(requirements, target)


def _sums(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    hashed = [(sha256_hex(path.read_bytes()), path.relative_to(folder).as_posix()) for path in files]
    return "".join(f"{sha256}  {name}\n" for sha256, name in hashed)
