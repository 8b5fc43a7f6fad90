"""Breaks model files at random, by a seed, as a disk, a cable or a forger might."""

from __future__ import annotations

import random
from random import Random

_WORDS = (0, 1, 2**31, 2**32 - 1)


def broken(content: bytes, seed: int) -> bytes:
    """Returns a model with some of its bytes changed.

    By the seed it is one bit anywhere; 1 to 64 bytes anywhere; 1 to 4 words of the 4 KiB at an end, where a flatbuffer
    keeps its tables; a run of up to 4 KiB; an offset, led elsewhere; or the file is cut.
    """
    changes = (_bit, _bytes, _words, _run, _offset, _cut)
    changed = bytearray(content)
    changes[seed % len(changes)](changed, random.Random(seed))  # noqa: S311  # a seeded draw, no secret
    return bytes(changed)


def _bit(content: bytearray, draw: Random) -> None:
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)


def _bytes(content: bytearray, draw: Random) -> None:
    for _ in range(draw.randint(1, 64)):
        content[draw.randrange(len(content))] = draw.randrange(256)


def _words(content: bytearray, draw: Random) -> None:
    for _ in range(draw.randint(1, 4)):
        place = draw.choice((0, len(content) - 4096)) + 4 * draw.randrange(1024)
        _write_word(content, place, draw.choice((*_WORDS, draw.randrange(2**16))))


def _run(content: bytearray, draw: Random) -> None:
    start, length = draw.randrange(len(content)), draw.randint(2, 4096)
    run = draw.choice((b"\0" * length, b"\xff" * length, draw.randbytes(length)))
    content[start : start + length] = run[: len(content) - start]


def _offset(content: bytearray, draw: Random) -> None:
    # A word that leads to a place behind it is an offset, or a count; among weights such words are few.
    places = [at for at in range(0, len(content) - 4, 4) if 0 < _word(content, at) < len(content) - at]
    place = draw.choice(places)
    moved = _word(content, place) + draw.choice((-8, -4, -1, 1, 4, 8))
    _write_word(content, place, draw.choice((moved % 2**32, draw.randrange(len(content)), *_WORDS)))


def _cut(content: bytearray, draw: Random) -> None:
    del content[draw.randrange(len(content)) :]


def _word(content: bytearray, place: int) -> int:
    return int.from_bytes(content[place : place + 4], "little")


def _write_word(content: bytearray, place: int, word: int) -> None:
    content[place : place + 4] = word.to_bytes(4, "little")
