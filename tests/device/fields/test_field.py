"""Tests of `device.fields.field`: what a file of fields says, and how it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from device.fields.field import Checks, Field, Fields, read_fields

GAS = Field(
    "gas",
    (120, 80, 300, 60),
    digits=7,
    decimal_places=2,
    ink="light",
    rolling=True,
    unit="m³",
    checks=Checks(never_falls=True, max_rise_per_hour=2.5),
)
CLOCK = Field("clock-1", (0, 0, 90, 0, 90, 30, 0, 30))


def refusal(folder: Path, text: str) -> str:
    """Returns why a file of fields is refused."""
    path = folder / "fields.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"fields\.toml: ") as error:
        read_fields(path)
    return str(error.value).removeprefix(f"{path}: ")


def test_written_fields_read_back(tmp_path: Path) -> None:
    """Fields come back equal to those that were written, and what has its default is not written."""
    Fields((GAS, CLOCK)).write(tmp_path / "fields.toml")
    assert read_fields(tmp_path / "fields.toml") == (GAS, CLOCK)
    assert 'name = "clock-1"\nregion = [0, 0, 90, 0, 90, 30, 0, 30]\n' in (tmp_path / "fields.toml").read_text()
    assert "ink" not in (tmp_path / "fields.toml").read_text().partition("clock")[2]


def test_a_name_and_a_region_are_enough(tmp_path: Path) -> None:
    """What is not written has its default: the digits are found, of either ink, and nothing is checked."""
    (tmp_path / "fields.toml").write_text('[[field]]\nname = "a"\nregion = [1, 2, 30, 40]\n')
    (field,) = read_fields(tmp_path / "fields.toml")
    assert (field.count, field.ink, field.checks) == (None, "either", Checks())
    assert field.place.corners == ((1, 2), (31, 2), (31, 42), (1, 42))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("digit = 3", "field[0].digit: nothing is called so. Did you mean digits?"),
        ("checks = {never_fall = true}", "checks.never_fall: nothing is called so. Did you mean never_falls?"),
        ("digits = 0", 'Expected digits in 1..20 or "find". Received: 0'),
        ("digits = true", 'Expected digits in 1..20 or "find". Received: True'),
        ("digits = 10", "Expected a region of a pixel or more for each digit. Received: 9 pixels"),
        ("digits = 2\ndecimal_places = 2", "Expected decimal_places of 0 or more, below digits. Received: 2"),
        ('ink = "blue"', "Expected one of ('dark', 'light', 'either'). Received: 'blue'"),
        ("rolling = true", 'Expected the number of digits with rolling. Received: "find"'),
        ("checks = {max_rise_per_hour = -1}", "Expected max_rise_per_hour of 0 or more. Received: -1.0"),
        ("checks = {length = 0}", "Expected length in 1..20. Received: 0"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, entry: str, reason: str) -> None:
    """The error says which entry is wrong, and of an unknown one what is called nearly so."""
    assert reason in refusal(tmp_path, f'[[field]]\nname = "a"\nregion = [0, 0, 9, 9]\n{entry}\n')


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[[field]]\nname = "a"\n', "field[0].region: Expected an entry. Received: none"),
        ('[[field]]\nname = "a b"\nregion = [0, 0, 9, 9]\n', "Expected a name of 1 to 64 letters, digits, _ and -."),
        ('[[field]]\nname = "a"\nregion = [0, 0, 9]\n', "Expected a region x,y,width,height or "),
        (2 * '[[field]]\nname = "a"\nregion = [0, 0, 9, 9]\n', "Expected one or more fields with different names."),
        ("field = []", "Expected one or more fields with different names. Received: []"),
        ("[fields]", "fields: nothing is called so. Did you mean field?"),
        ("[[field", "Expected ']]' at the end of an array declaration"),
    ],
)
def test_a_file_that_does_not_describe_fields_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    """Without a name, a region, or any field, or with a name twice, there are no fields."""
    assert reason in refusal(tmp_path, text)
