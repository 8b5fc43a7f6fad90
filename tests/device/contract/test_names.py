"""Tests of `device.contract.names`."""

from __future__ import annotations

import pytest

from device.contract.names import is_file_name, is_model_name, is_version


@pytest.mark.parametrize(
    ("name", "valid"),
    [("rowstream-rows2d", True), ("0", True), ("a" * 64, True), ("a" * 65, False), ("", False), (".a", False),
     ("a/b", False), ("A", False), ("a\n", False)],
)  # fmt: skip
def test_names_of_models(name: str, valid: bool) -> None:
    """Up to 64 small letters, digits, dots, underscores and hyphens, of which a letter or digit is first."""
    assert is_model_name(name) == valid


@pytest.mark.parametrize(
    ("text", "valid"),
    [("1.2.3", True), ("0.1.0rc1", True), ("1.2.3+local.1", True), ("1.2", False), ("1.2.3/4", False), ("", False)],
)
def test_versions(text: str, valid: bool) -> None:
    """Three numbers, and a suffix that can be part of a path's name."""
    assert is_version(text) == valid


@pytest.mark.parametrize(
    ("name", "valid"),
    [("model.int8.tflite", True), ("M_1-2.tflite", True), (".tflite", False), ("a/b.tflite", False),
     ("../a.tflite", False), ("model.bin", False)],
)  # fmt: skip
def test_names_of_files(name: str, valid: bool) -> None:
    """A name without a folder that ends in .tflite."""
    assert is_file_name(name) == valid
