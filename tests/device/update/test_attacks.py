"""Tests of `device.update`: attacks on updates, by the names TUF gives them. None of them changes `current`.

Source: https://theupdateframework.github.io/specification/latest/#goals-to-protect-against-specific-attacks.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root

from device.__main__ import main
from pipeline.signing.contents import contents
from pipeline.signing.keys import RootKeys, make_keys
from pipeline.signing.repository import SignedRelease, publish
from tests.conftest import MODELS, ROOT


class Fleet:
    """A maker's keys and repository, with one release, and a device that has installed it."""

    def __init__(self, folder: Path, *, root_keys: int = 1, threshold: int = 1) -> None:
        self.folder, self.keys, self.repo = folder, folder / "keys", folder / "repo"
        self.home, self.source = folder / "home", str(self.repo)
        self.root = make_keys(self.keys, RootKeys(root_keys, threshold, development=False))
        self.publish("0.1.0")
        assert self.install() == 0
        self.before = self.current()

    def release(self, version: str, processors: tuple[str, ...] = (), model: str = "rows2d") -> SignedRelease:
        bundle = self.folder / f"bundle-{version}"
        shutil.copytree(MODELS / model, bundle / "model", dirs_exist_ok=True)
        shutil.copy(ROOT / "LICENSE", bundle)
        path = bundle / "model" / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"version": version}))
        return contents(bundle, processors, ())

    def publish(self, version: str, processors: tuple[str, ...] = (), model: str = "rows2d") -> None:
        publish(self.release(version, processors, model), self.keys, self.repo, 90)

    def install(self) -> int:
        return main(["install", self.source, "--home", str(self.home), "--root", str(self.root)])

    def current(self) -> str:
        return (self.home / "current").readlink().name

    def target(self, name: str) -> Path:
        """The newest file of this name."""
        return max((self.repo / "targets").glob(f"*.{name}"), key=lambda path: path.stat().st_mtime_ns)

    def metadata(self, name: str) -> Path:
        return self.repo / "metadata" / name


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def other_keys(fleet: Fleet) -> Path:
    keys = fleet.folder / "other"
    if not keys.exists():
        make_keys(keys, RootKeys(1, 1, development=False))
    return keys


def arbitrary_file(fleet: Fleet) -> None:
    fleet.target("manifest.json").write_bytes(b"{}")


def swapped_payload(fleet: Fleet) -> None:
    shutil.copy(MODELS / "conv1d" / "model.int8.tflite", fleet.target("model.int8.tflite"))


def edited_metadata(fleet: Fleet) -> None:
    path = fleet.metadata("2.targets.json")
    path.write_text(path.read_text().replace("0.2.0", "0.3.0"))


def mix_and_match(fleet: Fleet) -> None:
    shutil.copy(fleet.metadata("1.targets.json"), fleet.metadata("2.targets.json"))


def endless_data(fleet: Fleet) -> None:
    with fleet.metadata("timestamp.json").open("r+b") as file:
        file.truncate(1 << 40)


def wrong_key(fleet: Fleet) -> None:
    shutil.rmtree(fleet.repo)
    for _ in range(3):
        publish(fleet.release("0.2.0"), other_keys(fleet), fleet.repo, 90)


def expired(fleet: Fleet) -> None:
    publish(fleet.release("0.2.0"), fleet.keys, fleet.repo, -1)


def wrong_hardware(fleet: Fleet) -> None:
    fleet.publish("0.3.0", ("mips",))


def replayed_golden(fleet: Fleet) -> None:
    release = fleet.release("0.3.0")
    golden = (MODELS / "cols2d" / "golden.bin").read_bytes()
    publish(SignedRelease({**release.files, "golden.bin": golden}, release.record), fleet.keys, fleet.repo, 90)


def symlink_in_the_source(fleet: Fleet) -> None:
    path = fleet.target("model.int8.tflite")
    shutil.move(path, fleet.folder / "outside")
    path.symlink_to(fleet.folder / "outside")


def unsigned(fleet: Fleet) -> None:
    shutil.rmtree(fleet.repo / "metadata")


REFUSED = (arbitrary_file, swapped_payload, edited_metadata, mix_and_match, endless_data, wrong_key, expired)
UNREADABLE = (symlink_in_the_source, unsigned)


@pytest.mark.slow
@pytest.mark.parametrize("attack", [*REFUSED, wrong_hardware, replayed_golden, *UNREADABLE])
def test_an_attack_does_not_change_the_current_release(fleet: Fleet, attack: Callable[[Fleet], None]) -> None:
    """A release that was changed on its way is not installed, and the current one stays."""
    fleet.publish("0.2.0")
    attack(fleet)
    assert fleet.install() == (2 if attack in UNREADABLE else 1)
    assert fleet.current() == fleet.before


@pytest.mark.sampled
@pytest.mark.parametrize("emptied", [False, True])
def test_rollback_is_refused(fleet: Fleet, emptied: bool) -> None:
    """An older repository is refused once a newer one was installed, even if TUF's cache was emptied."""
    shutil.copytree(fleet.repo, fleet.folder / "old")
    fleet.publish("0.2.0")
    assert fleet.install() == 0
    newer = fleet.current()
    assert newer != fleet.before
    if emptied:
        shutil.rmtree(fleet.home / "metadata")
    fleet.source = str(fleet.folder / "old")
    assert fleet.install() == 1
    assert fleet.current() == newer
    assert main(["rollback", "--home", str(fleet.home)]) == 0
    assert fleet.current() == fleet.before


def rotated(fleet: Fleet, signing: int) -> None:
    """Publishes a second root with another key of targets, which some of the root's keys have signed."""
    metadata = Metadata[Root].from_file(str(fleet.root))
    new = CryptoSigner.generate_ed25519()
    metadata.signed.version = 2
    metadata.signed.revoke_key(metadata.signed.roles["targets"].keyids[0], "targets")
    metadata.signed.add_key(new.public_key, "targets")
    metadata.signatures.clear()
    for number in range(1, signing + 1):
        name = fleet.keys / f"root-{number}.pem"
        public = metadata.signed.keys[Metadata[Root].from_file(str(fleet.root)).signed.roles["root"].keyids[number - 1]]
        metadata.sign(CryptoSigner.from_priv_key_uri(f"file2:{name}", public), append=True)
    metadata.to_file(str(fleet.keys / "2.root.json"))
    (fleet.keys / "targets.pem").write_bytes(new.private_bytes)
    fleet.publish("0.2.0")


@pytest.mark.sampled
@pytest.mark.parametrize(("signing", "status"), [(2, 0), (1, 1)])
def test_a_rotated_key_is_followed_if_enough_have_signed_it(tmp_path: Path, signing: int, status: int) -> None:
    """A new root is followed if two of three keys signed it, and refused with too few signatures."""
    fleet = Fleet(tmp_path, root_keys=3, threshold=2)
    rotated(fleet, signing)
    assert fleet.install() == status
    assert (fleet.current() == fleet.before) == (status == 1)
