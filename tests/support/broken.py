"""Breaks model files at random, by a seed, as a disk, a cable or a forger might."""

from __future__ import annotations

import random


def broken(content: bytes, seed: int) -> bytes:
    """Returns a model with some of its bytes changed.

    By the seed it is one bit anywhere, 1 to 64 bytes anywhere, or 1 to 4 words of the 4 KiB at an end, where a
    flatbuffer keeps its tables.
    """
    rng, changed = random.Random(seed), bytearray(content)  # noqa: S311  # a seeded draw, no secret
    if seed % 3 == 0:
        changed[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif seed % 3 == 1:
        for _ in range(rng.randint(1, 64)):
            changed[rng.randrange(len(content))] = rng.randrange(256)
    else:
        for _ in range(rng.randint(1, 4)):
            place = rng.choice((0, len(content) - 4096)) + 4 * rng.randrange(1024)
            changed[place : place + 4] = rng.choice((0, 1, 2**31, 2**32 - 1, rng.randrange(2**16))).to_bytes(
                4, "little"
            )
    return bytes(changed)
