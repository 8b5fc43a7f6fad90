"""The peers' files of a run: each form is made once, in a child process, when the first peer asks for it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

from converters.workspace import ROOT
from pipeline.bench.peers.environment import python_with
from pipeline.bench.peers.peer import Peer
from pipeline.bench.peers.process import PeerError
from pipeline.folders import ModelFolder

_LIMIT_S = 1_800


@dataclass
class PeerFiles:
    """Makes files of a model in `folder`, which holds what `pipeline.bench.read_inputs` wrote.

    Networks that are trained for it see `epochs` times as many crops as there are to train on.
    """

    model: ModelFolder
    folder: Path
    epochs: int
    _made: dict[str, Path | PeerError] = field(default_factory=dict)

    def of(self, peer: Peer) -> Path:
        """Returns a peer's file; raises PeerError if it cannot be made."""
        if peer.unavailable:
            raise PeerError(peer.unavailable)
        if not peer.form:
            return self.model.int8_tflite
        if peer.form not in self._made:
            self._made[peer.form] = self._make(peer)
        made = self._made[peer.form]
        if isinstance(made, PeerError):
            raise made
        return made

    def npu_file(self, peer: Peer) -> Path | None:
        """Returns a peer's file as an Ethos-U gets it, with one graph; None if it is not for one."""
        if not peer.for_npu:
            return None
        return self.of(peer if peer.form else replace(peer, form="classify"))

    def _make(self, peer: Peer) -> Path | PeerError:
        out = self.folder / f"{peer.form}{peer.suffix}"
        given = map(str, (self.model.path, out, self.epochs))
        command = [str(python_with(peer.packages)), "-m", "pipeline.bench.peers.make", peer.form, *given]
        try:
            child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_LIMIT_S)
        except subprocess.TimeoutExpired:
            return PeerError(f"not made within {_LIMIT_S} s")
        if child.returncode:
            last = child.stderr.strip().rpartition("\n")[2]
            return PeerError(f"not made, status {child.returncode}: {last}")
        return out
