"""Records a process's system calls with strace, and replays those that change a folder on a model of a disk."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from tests.support.checkout import ROOT
from tests.support.disk import File, Folder, Node

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="not run: Debian's package strace is missing")

# All by which a process may open and change files, whether the replay knows it or not.
_CALLS = (
    *("mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "symlink", "symlinkat"),
    *("link", "linkat", "write", "pwrite64", "pwritev", "pwritev2", "writev", "sendfile", "copy_file_range", "splice"),
    *("truncate", "ftruncate", "fallocate", "fsync", "fdatasync", "sync_file_range", "syncfs", "msync", "lseek"),
    *("openat", "close", "dup", "dup2", "dup3"),
)
# Of those that change names: where in the arguments a folder's descriptor stands, if one does, and the name in it.
_NAMES: Mapping[str, Sequence[tuple[int | None, int]]] = {
    **dict.fromkeys(("mkdir", "rmdir", "unlink"), ((None, 0),)),
    **dict.fromkeys(("mkdirat", "unlinkat"), ((0, 1),)),
    "rename": ((None, 0), (None, 1)),
    **dict.fromkeys(("renameat", "renameat2"), ((0, 1), (2, 3))),
    "symlink": ((None, 1),),
    "symlinkat": ((1, 2),),
}
_CALL = re.compile(r"(\w+)\((.*)\)\s+= (\d+)$")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_WRITES = {"O_WRONLY", "O_RDWR"}


@dataclass(frozen=True)
class Call:
    """A system call that succeeded: its name, its arguments, texts without their quotes, and what it returned."""

    name: str
    arguments: Sequence[str]
    returned: str

    def content(self, index: int) -> bytes:
        """Returns a text that was an argument."""
        text = _TEXT.fullmatch(self.arguments[index])
        if text is None:
            raise ValueError(f"Expected a text. Received: {self.arguments[index]} of {self.name}")
        return bytes.fromhex(text[1].replace("\\x", ""))


def recorded(code: str, folder: Path, log: Path) -> Sequence[Call]:
    """Runs Python code, and returns the calls of the one process that changes the folder.

    Raises ValueError if it fails, or if not one process alone changes the folder.
    """
    log.mkdir()
    strace = ("strace", "-ff", "-xx", "-s", str(1 << 26), "-o", str(log / "of"), "-e", f"trace={','.join(_CALLS)}")
    child = subprocess.run([*strace, sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    of_processes = [tuple(_read(path)) for path in log.iterdir()]
    shutil.rmtree(log)
    changing = [calls for calls in of_processes if _changed(calls, bytes(folder))]
    if child.returncode or len(changing) != 1:
        raise ValueError(f"Expected one process that changes {folder}. Received: {len(changing)}. {child.stderr}")
    return changing[0]


def _read(path: Path) -> Iterator[Call]:
    for line in path.read_text().splitlines():
        found = _CALL.fullmatch(line)
        if found:
            yield Call(found[1], found[2].split(", "), found[3])


def _changed(calls: Sequence[Call], folder: bytes) -> bool:
    for call in calls:
        places = [name for _, name in _NAMES.get(call.name, ())]
        if call.name == "openat" and _WRITES & {*call.arguments[2].split("|")}:
            places = [1]
        if any(call.content(place).startswith(folder + b"/") for place in places):
            return True
    return False


class Replay:
    """Replays calls on `folder`, which is what the folder at `place` held. Calls elsewhere are left out."""

    def __init__(self, place: Path, folder: Folder) -> None:
        self._place, self.folder = PurePosixPath(place), folder
        self._opened: dict[str, PurePosixPath] = {}
        self._nodes: dict[str, Node] = {}

    def run(self, call: Call) -> bool:
        """Returns whether the call was for something in the folder; raises ValueError if it is not known."""
        if call.name == "openat":
            return self._open(call)
        if call.name in _NAMES:
            return self._rename(call)
        if not {*call.arguments[:2]} & {*self._opened}:
            return False
        if call.name == "close":
            del self._opened[call.arguments[0]], self._nodes[call.arguments[0]]
        else:
            self._on_node(self._nodes[call.arguments[0]], call)
        return True

    def _open(self, call: Call) -> bool:
        path = self._path(call.arguments[0], call.content(1))
        if path is None:
            return False
        flags = {*call.arguments[2].split("|")}
        above = self._folder(path.parent)
        node = self.folder if path == self._place else above.now.get(path.name)
        if flags & _WRITES:
            if node is not None and "O_TRUNC" not in flags:
                raise ValueError(f"Expected a file that is emptied first. Received: {path}")
            node = above.now.setdefault(path.name, File())
            if isinstance(node, File):
                node.now = b""
        if node is not None:
            self._opened[call.returned], self._nodes[call.returned] = path, node
        return True

    @staticmethod
    def _on_node(node: Node, call: Call) -> None:
        if call.name in {"fsync", "fdatasync"} and isinstance(node, File):
            node.synced = node.now
        elif call.name in {"fsync", "fdatasync"} and isinstance(node, Folder):
            node.synced = dict(node.now)
        elif call.name == "write" and isinstance(node, File):
            node.now += call.content(1)[: int(call.returned)]
        elif call.name != "lseek" or (isinstance(node, File) and int(call.returned) not in {0, len(node.now)}):
            raise ValueError(f"Expected a call that the replay knows. Received: {call.name}")

    def _rename(self, call: Call) -> bool:
        places = [
            self._path("AT_FDCWD" if folder is None else call.arguments[folder], call.content(name))
            for folder, name in _NAMES[call.name]
        ]
        if None in places:
            return False
        (names, name), *to = [(self._folder(path.parent).now, path.name) for path in places if path is not None]
        if call.name.startswith("mkdir"):
            names[name] = Folder()
        elif call.name.startswith("symlink"):
            names[name] = call.content(0).decode()
        elif to:
            to[0][0][to[0][1]] = names.pop(name)
        else:
            del names[name]
        return True

    def _path(self, folder: str, name: bytes) -> PurePosixPath | None:
        """Returns a path in the folder, also one that begins at an open one; None if it is elsewhere."""
        path = self._opened.get(folder, PurePosixPath("elsewhere")) / name.decode()
        return path if path == self._place or self._place in path.parents else None

    def _folder(self, path: PurePosixPath) -> Folder:
        """Returns what a path leads to; an empty folder if that is above the whole, or behind a link."""
        node: Node | None = self.folder
        for name in path.parts[len(self._place.parts) :]:
            node = node.now.get(name) if isinstance(node, Folder) else None
        return node if isinstance(node, Folder) and len(path.parts) >= len(self._place.parts) else Folder()
