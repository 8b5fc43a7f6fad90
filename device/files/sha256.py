"""The SHA-256 by which files and crops are known. Source: NIST, FIPS 180-4, Secure Hash Standard."""

from __future__ import annotations

import hashlib


def sha256_hex(content: bytes) -> str:
    """Returns the SHA-256 of some bytes as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
