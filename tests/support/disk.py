"""A model of a disk: what of a process's writes a loss of power may leave.

It is that of POSIX, and holds for less than file systems promise:

- what was written to a file is safe once the file was fsynced; before that all, nothing or a part of it may be there;
- a name in a folder, made, moved or deleted, is safe once that folder was fsynced; before that it may be as it was;
- a name waits neither for another, in the same folder or elsewhere, nor for the content of a file;
- a rename replaces a name in one step, and a symbolic link and what it leads to are one.

Source: Pillai et al., All File Systems Are Not Created Equal (OSDI 2014); Mohan et al., CrashMonkey (OSDI 2018).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TypeAlias

# What a folder holds by name: folders, contents of files, and what links lead to.
Tree: TypeAlias = Mapping[str, "Tree | bytes | str"]


@dataclass(eq=False)
class File:
    """A file's content now, and when it was fsynced last."""

    now: bytes = b""
    synced: bytes = b""

    def cut(self) -> bytes:
        """Returns half of what was written since."""
        return self.now if self.now == self.synced else self.now[: len(self.now) // 2]


@dataclass(eq=False)
class Folder:
    """A folder's names now, and when it was fsynced last."""

    now: dict[str, Node] = field(default_factory=dict)
    synced: dict[str, Node] = field(default_factory=dict)


# A text is what a symbolic link leads to.
Node: TypeAlias = "File | Folder | str"


def read_tree(path: Path) -> Tree:
    """Returns what a folder holds."""
    return {each.name: _read(each) for each in path.iterdir()}


def write_tree(tree: Tree, path: Path) -> None:
    """Makes a folder with what a tree holds."""
    path.mkdir()
    for name, each in tree.items():
        if isinstance(each, str):
            (path / name).symlink_to(each)
        elif isinstance(each, bytes):
            (path / name).write_bytes(each)
        else:
            write_tree(each, path / name)


def digest(tree: Tree) -> bytes:
    """Returns the same for trees that hold the same."""
    hashed = hashlib.sha256()
    for name, each in sorted(tree.items()):
        content = each if isinstance(each, bytes) else each.encode() if isinstance(each, str) else digest(each)
        hashed.update(repr((name, type(each), hashlib.sha256(content).digest())).encode())
    return hashed.digest()


def on_disk(tree: Tree) -> Folder:
    """Returns a folder that has reached the disk."""
    nodes = {name: _node(each) for name, each in tree.items()}
    return Folder(nodes, dict(nodes))


def all_left(folder: Folder) -> Tree:
    """Returns what a folder holds; a kill leaves that."""
    return _left(folder, lambda each: each.now, lambda each: each.now)


def synced_left(folder: Folder) -> Tree:
    """Returns what of a folder was fsynced."""
    return _left(folder, lambda each: each.synced, lambda each: each.synced)


def survivals(folder: Folder, draw: Random) -> Iterator[tuple[str, Tree]]:
    """Yields what a kill or a loss of power may leave of a folder, and how it came about."""
    yield "what was fsynced", synced_left(folder)
    yield "everything", all_left(folder)
    yield "names without contents", _left(folder, lambda each: each.now, lambda each: each.synced)
    yield "names with half of the contents", _left(folder, lambda each: each.now, File.cut)
    yield "contents without names", _left(folder, lambda each: each.synced, lambda each: each.now)
    mixed = _left(
        folder, lambda each: _mixed(each, draw), lambda each: draw.choice((each.now, each.synced, each.cut()))
    )
    yield "a mixture", mixed


def _mixed(folder: Folder, draw: Random) -> dict[str, Node]:
    """Returns each name of a folder as it is now, or as it was fsynced."""
    drawn = {name: draw.choice((folder.now, folder.synced)).get(name) for name in sorted({*folder.now, *folder.synced})}
    return {name: node for name, node in drawn.items() if node is not None}


def _left(
    folder: Folder, names: Callable[[Folder], Mapping[str, Node]], content: Callable[[File], bytes]
) -> dict[str, Tree | bytes | str]:
    left: dict[str, Tree | bytes | str] = {}
    for name, each in sorted(names(folder).items()):
        if isinstance(each, str):
            left[name] = each
        else:
            left[name] = content(each) if isinstance(each, File) else _left(each, names, content)
    return left


def _read(path: Path) -> Tree | bytes | str:
    if path.is_symlink():
        return os.readlink(path)  # noqa: PTH115  # a path would lose what it is written like
    return read_tree(path) if path.is_dir() else path.read_bytes()


def _node(value: Tree | bytes | str) -> Node:
    if isinstance(value, str):
        return value
    return File(value, value) if isinstance(value, bytes) else on_disk(value)
