"""Tests of `pipeline.signing.share`: the share of a release is signed again without its files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipeline.signing.contents import contents
from pipeline.signing.keys import RootKeys, make_keys
from pipeline.signing.repository import publish
from pipeline.signing.rotate import rotate
from pipeline.signing.share import published, set_share
from tests.conftest import MODELS, ROOT
from tests.support.commands import pipeline


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A release's files."""
    shutil.copytree(MODELS / "rows", tmp_path / "bundle" / "model")
    shutil.copy(ROOT / "LICENSE", tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def repo(tmp_path: Path, bundle: Path) -> Path:
    """A repository with a release for 5 % of the devices."""
    make_keys(tmp_path / "keys", RootKeys(1, 1, development=False))
    publish(contents(bundle, (), (), 50), tmp_path / "keys", tmp_path / "repo", 90)
    return tmp_path / "repo"


def test_another_share_is_the_same_release(repo: Path, tmp_path: Path) -> None:
    """Only the share and the version of the repository change."""
    before = published(repo)
    targets = sorted((repo / "targets").iterdir())
    assert set_share(repo, before, 200, tmp_path / "keys", 90) == 2
    after = published(repo)
    assert (before.record.permille, after.record.permille, after.version) == (50, 200, 2)
    assert after.release == before.release
    assert sorted((repo / "targets").iterdir()) == targets
    custom = json.loads((repo / "metadata" / "2.targets.json").read_text())["signed"]["targets"]
    assert {each["custom"]["permille"] for each in custom.values()} == {200}


def test_a_bundle_that_is_signed_again_is_the_same_release(repo: Path, bundle: Path, tmp_path: Path) -> None:
    """The command `sign` raises a share, too; a share is a whole number or one with tenths."""
    before = published(repo)
    arguments = ("sign", str(bundle), "--keys", str(tmp_path / "keys"), "--to", str(repo), "--percent")
    assert pipeline(tmp_path, *arguments, "7.5").returncode == 0
    after = published(repo)
    assert (after.release, after.record.permille) == (before.release, 75)
    for wrong in ("7.55", "101", "-1", "nan", "x"):
        child = pipeline(tmp_path, *arguments, wrong)
        assert child.returncode == 2
        assert f"Expected 0 to 100 percent, with tenths at most. Received: '{wrong}'" in child.stderr


def test_what_others_wrote_into_the_repository_is_not_signed(repo: Path, tmp_path: Path) -> None:
    """Who can write to the server of the files would otherwise get a signature."""
    before = published(repo)
    path = repo / "metadata" / "1.targets.json"
    path.write_text(path.read_text().replace("0.1.0", "0.9.0"))
    with pytest.raises(ValueError, match="Expected metadata that these keys signed"):
        set_share(repo, before, 200, tmp_path / "keys", 90)
    assert published(repo).version == 1


def test_an_older_release_in_the_newest_ones_place_is_not_signed(repo: Path, bundle: Path, tmp_path: Path) -> None:
    """It has a signature, but of another version."""
    publish(contents(bundle, (), (), 20), tmp_path / "keys", repo, 90)
    shutil.copy(repo / "metadata" / "1.targets.json", repo / "metadata" / "2.targets.json")
    with pytest.raises(ValueError, match=r"Expected targets and timestamp of one version\. Received: 1 and 2"):
        set_share(repo, published(repo), 200, tmp_path / "keys", 90)


def test_a_release_that_was_signed_in_between_stays(repo: Path, bundle: Path, tmp_path: Path) -> None:
    """What was decided on an earlier release changes nothing of a newer one."""
    before = published(repo)
    publish(contents(bundle, (), (), 1_000), tmp_path / "keys", repo, 90)
    with pytest.raises(ValueError, match=r"Expected version 1 as before\. Another was signed in between"):
        set_share(repo, before, 0, tmp_path / "keys", 90)
    assert published(repo).record.permille == 1_000


def test_after_a_rotation_the_release_is_signed_again_first(repo: Path, tmp_path: Path) -> None:
    """The earlier key may be known to others."""
    rotate(tmp_path / "keys", "targets")
    with pytest.raises(ValueError, match="sign the release again"):
        set_share(repo, published(repo), 0, tmp_path / "keys", 90)


def test_a_folder_without_a_release_is_refused(tmp_path: Path) -> None:
    """The error says what is expected there."""
    with pytest.raises(ValueError, match=r"Expected what `python -m pipeline sign` wrote\. Found no release"):
        published(tmp_path)
