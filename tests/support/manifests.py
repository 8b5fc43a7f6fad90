"""Changed manifests, for tests of what reads them; damaged ones are the same for the same seed."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from typing import Any

from device.contract.manifest import Manifest

# Values that a field may be given; the numbers are beyond some type's range or at its edge.
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2**31,
        2**63,
        -(2**63),
        10**400,
        0.0,
        -0.5,
        1e-320,
        1e308,
        float("nan"),
        float("inf"),
    ),
    *("", "\0", "..", "../a", "a" * 5_000, "\ud800", "é", [], {}, [[]], [None], [0] * 4, {"": None}, {"name": {}}),
)


def with_output(manifest: Manifest, **fields: Any) -> Manifest:
    """Returns a manifest with other fields of its answer."""
    answer, *others = manifest.outputs
    return replace(manifest, outputs=(replace(answer, **fields), *others))


def damaged(manifest: bytes, seed: int) -> bytes:
    """Returns a manifest in which bytes, or values at any depth, were exchanged, repeated or left out."""
    draw = random.Random(seed)  # noqa: S311  # no secret
    return _bytes_changed(manifest, draw) if seed % 3 == 0 else _values_changed(manifest, draw)


def _bytes_changed(manifest: bytes, draw: random.Random) -> bytes:
    content = bytearray(manifest)
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(content))
        length = draw.choice((1, 1, 1, 2, 30))
        replacement = draw.choice(
            (b"", draw.randbytes(length), content[start : start + length] * 2, b"9" * length, b"[")
        )
        content[start : start + length] = replacement
    return bytes(content)


def _values_changed(manifest: bytes, draw: random.Random) -> bytes:
    content = json.loads(manifest)
    for _ in range(draw.randint(1, 3)):
        parent = draw.choice(list(_containers(content)))
        key = draw.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
        change = draw.randrange(4)
        if change == 0:
            del parent[key]
        elif change == 1 and isinstance(parent[key], int | float):
            parent[key] = draw.choice((parent[key] + 1, -parent[key], parent[key] * 2, parent[key] / 3))
        elif change == 2 and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[key]))
        else:
            parent[key] = copy.deepcopy(draw.choice(VALUES))
    return json.dumps(content).encode()


def _containers(content: Any) -> Any:
    """Yields each list and object that is not empty, the outermost first."""
    if isinstance(content, dict | list) and content:
        yield content
        for each in content.values() if isinstance(content, dict) else content:
            yield from _containers(each)
