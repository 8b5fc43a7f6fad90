"""Tests of `device.files.sha256`."""

from __future__ import annotations

from device.files.sha256 import sha256_hex


def test_the_digest_is_that_of_the_standard() -> None:
    """The bytes `abc` have the digest that NIST publishes as an example of FIPS 180-4."""
    assert sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
