"""Tests of `python -m pipeline fleet`, and of a whole fleet by the code of devices and maker."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.signing.contents import contents
from pipeline.signing.keys import RootKeys, make_keys
from pipeline.signing.repository import publish
from pipeline.signing.share import published
from tests.conftest import MODELS, ROOT
from tests.pipeline.signing.fleet.test_reports import line
from tests.support.commands import pipeline
from tests.support.fleet import UNLUCKY_PERCENT, roll_out


def test_the_command_prints_raises_and_halts(tmp_path: Path) -> None:
    """Without keys it changes nothing; status 1 says that the roll-out is halted."""
    shutil.copytree(MODELS / "rows", tmp_path / "bundle" / "model")
    shutil.copy(ROOT / "LICENSE", tmp_path / "bundle")
    make_keys(tmp_path / "keys", RootKeys(1, 1, development=False))
    publish(contents(tmp_path / "bundle", (), (), 990), tmp_path / "keys", tmp_path / "repo", 90)
    release = published(tmp_path / "repo").release
    reports = tmp_path / "reports.jsonl"
    reports.write_text("".join(line(number, "good").replace(64 * "a", release) for number in range(20)) + "no report\n")
    arguments = ("fleet", "reports.jsonl", "--repository", "repo", "--advance", "99,100")
    asked = pipeline(tmp_path, *arguments)
    assert asked.returncode == 0, asked.stderr
    named = f"rowstream-rows 0.1.0 ({release[:12]}), 99 %"
    assert asked.stdout.splitlines()[-1] == f"{named}: would be raised to 100 %: 0 of 20 devices failed"
    assert asked.stderr.startswith("1 lines are no reports; the first: reports.jsonl:21: ")
    assert published(tmp_path / "repo").record.permille == 990
    raised = pipeline(tmp_path, *arguments, "--keys", "keys")
    assert raised.stdout.splitlines()[-1] == f"{named}: raised to 100 %: 0 of 20 devices failed"
    with reports.open("a") as more:
        more.writelines(line(number, "failed", 1).replace(64 * "a", release) for number in range(5))
    halted = pipeline(tmp_path, *arguments, "--keys", "keys")
    assert halted.returncode == 1
    assert halted.stdout.splitlines()[-1].endswith("100 %: halted: 5 of 20 devices failed")
    assert published(tmp_path / "repo").record.permille == 0


@pytest.mark.slow
def test_a_bad_release_stops_and_a_good_one_reaches_all_that_live() -> None:
    """What fails on all devices does not leave the first stage, of 5 %; no device is without a working release."""
    bad = roll_out(200, seed=1, failing_percent=100, stages=(50, 200, 1_000))
    assert (bad.permille, bad.without_a_model) == (0, 0)
    assert bad.took < 25
    good = roll_out(200, seed=1, failing_percent=0, stages=(50, 200, 1_000))
    assert good.reached_all_alive
    assert (good.permille, good.without_a_model, good.failed) == (1_000, 0, 0)
    assert good.dead > 0


@pytest.mark.thorough
def test_a_bad_release_stops_before_2_percent_of_10_000_devices_have_taken_it() -> None:
    """It fails on one device of five, and 3 % of the devices die meanwhile."""
    bad = roll_out(10_000, seed=1, failing_percent=20)
    assert (bad.permille, bad.without_a_model) == (0, 0)
    assert bad.took < 200


@pytest.mark.thorough
def test_a_good_release_reaches_all_that_live_of_1_000_devices() -> None:
    """It fails on one device of a thousand, which has a fault of its own."""
    good = roll_out(1_000, seed=1, failing_percent=UNLUCKY_PERCENT)
    assert good.reached_all_alive
    assert good.without_a_model == 0
