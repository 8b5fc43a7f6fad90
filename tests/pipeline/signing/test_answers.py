"""Tests of `pipeline.signing.answers`, through the commands, with a released model."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from device.__main__ import main as device
from device.contract.manifest import read_manifest
from pipeline.__main__ import main as pipeline
from pipeline.signing.answers import answers_here
from pipeline.signing.contents import contents
from pipeline.signing.keys import RootKeys, make_keys
from pipeline.signing.repository import publish
from pipeline.signing.share import published
from tests.conftest import EITHER_RUNTIME, MODELS, ROOT

FILE_SHA256 = read_manifest(MODELS / "fast").file.sha256
PHONE = {
    "file_sha256": FILE_SHA256,
    "runtime": {"name": "ai-edge-litert", "version": "2.3.0"},
    "processor": "riscv64",
    "logits_sha256": "5" * 64,
}


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle of a released model, beside a folder of keys."""
    shutil.copytree(MODELS / "fast", tmp_path / "bundle" / "model")
    shutil.copy(ROOT / "LICENSE", tmp_path / "bundle")
    make_keys(tmp_path / "keys", RootKeys(1, 1, development=False))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "bundle"


def sign(*options: str) -> int:
    return pipeline(["sign", "bundle", "--keys", "keys", "--to", "repo", *options])


def install() -> int:
    return device(["install", "repo", "--home", "home", "--root", "keys/1.root.json"])


def known() -> list[tuple[str, str]]:
    return [(each.runtime.name, each.logits_sha256) for each in published(Path("repo")).record.answers]


@pytest.mark.parametrize("runtime", EITHER_RUNTIME[:1])
def test_a_device_prints_the_answers_that_were_signed(
    bundle: Path, runtime: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`verify --answers` on a machine like the maker's prints what `sign` found, and the release is installed there."""
    assert sign() == 0
    capsys.readouterr()
    assert device(["verify", "--answers", "--runtime", runtime, str(bundle / "model")]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["file_sha256"], line["runtime"]["name"]) == (FILE_SHA256, runtime)
    assert (runtime, line["logits_sha256"]) in known()
    assert install() == 0


def test_a_release_that_answers_otherwise_than_the_maker_saw_is_refused(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Logits within their ranges are not enough where the maker's runtime and processor are the device's."""
    seen = answers_here(bundle / "model", EITHER_RUNTIME[:1])
    others = tuple(replace(each, logits_sha256="0" * 64) for each in seen)
    publish(contents(bundle, (), (), answers=others), Path("keys"), Path("repo"), 90)
    assert install() == 1
    assert f"but not those of {EITHER_RUNTIME[0]} {seen[0].runtime.version} on " in capsys.readouterr().out
    assert not Path("home", "current").exists()


def test_answers_of_other_devices_are_signed_too(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines that several kinds of devices printed are taken from one file, repeated ones once, and it is said which."""
    assert bundle.is_dir()
    Path("devices.jsonl").write_text(f"{json.dumps(PHONE)}\n\n{json.dumps(PHONE)}\n")
    assert sign("--answers", "devices.jsonl") == 0
    assert known().count(("ai-edge-litert", "5" * 64)) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("Devices are held to the exact answers of: ai-edge-litert ")
    assert said.endswith(", ai-edge-litert 2.3.0 on riscv64")
    assert len(known()) > 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("passed", "devices.jsonl:1: Expected a line that `rowstream verify --answers` printed."),
        ("\n[]", "devices.jsonl:2: Expected dict. Received: []"),
        (
            json.dumps({**PHONE, "file_sha256": "1" * 64}),
            f"Expected answers of {FILE_SHA256[:12]}. Received some of 1111",
        ),
        (
            f"{json.dumps(PHONE)}\n{json.dumps({**PHONE, 'logits_sha256': '6' * 64})}",
            "Expected one kind of answers for ai-edge-litert 2.3.0 on riscv64. Received two",
        ),
    ],
    ids=["no JSON", "no record", "another file", "contradiction"],
)
def test_other_answers_are_not_signed(
    bundle: Path, lines: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the line or the device, and no repository is made."""
    assert bundle.is_dir()
    Path("devices.jsonl").write_text(lines)
    assert sign("--answers", "devices.jsonl") == 2
    assert capsys.readouterr().err.startswith(f"error: {message}")
    assert not Path("repo").exists()
