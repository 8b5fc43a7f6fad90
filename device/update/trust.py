"""Who may send a release: The Update Framework's client, against the root that the device was provisioned with.

Source: https://theupdateframework.github.io/specification/latest/#detailed-client-workflow.
"""

from __future__ import annotations

from pathlib import Path

from tuf.api.exceptions import DownloadError, DownloadLengthMismatchError, RepositoryError
from tuf.api.metadata import Metadata, Root, TargetFile, Targets
from tuf.ngclient import Updater, UpdaterConfig

from .durable import write_durable
from .fetching import fetching
from .floor import Floor, raise_floor
from .home import Home
from .refused import ReleaseRefusedError
from .release import DEVELOPMENT

MAX_METADATA_BYTES = 1 << 18
MAX_TARGET_BYTES = 1 << 26


class Trust:
    """The signed targets of a source, once all of TUF's checks have passed. TUF's cache is `home.metadata`."""

    def __init__(self, source: str, home: Home, anchor: bytes, *, allow_development: bool) -> None:
        """Fetches and checks all metadata against the root of trust `anchor`, and raises the version floor.

        Raises ReleaseRefusedError if anything is not signed as the root says, expired, older than before or longer than
        allowed, and OSError if the source cannot be read.
        """
        self._source = source
        address, fetcher = fetching(source)
        home.metadata.mkdir(exist_ok=True)
        directories = (str(home.metadata), f"{address}metadata/", None, f"{address}targets/")
        try:
            self._updater = Updater(*directories, fetcher, _limits(), bootstrap=anchor)
            self._updater.refresh()
            roots = [Metadata[Root].from_bytes(anchor).signed, _root(home)]
        except (DownloadError, RepositoryError) as error:
            raise self._as_own(error) from error
        if not allow_development and any(DEVELOPMENT in root.unrecognized_fields for root in roots):
            raise ReleaseRefusedError(
                "Expected keys of production. Received a root of development keys, which --allow-development-keys takes"
            )
        raise_floor(home.floor, _versions(home, roots[-1]))

    def target(self, name: str) -> TargetFile:
        """Returns what is signed of a file; raises ReleaseRefusedError if nothing is, or it is too long."""
        found = self._updater.get_targetinfo(name)
        if found is None:
            raise ReleaseRefusedError(f"Expected the signed file {name}. Found none")
        if found.length > MAX_TARGET_BYTES:
            raise ReleaseRefusedError(f"{name}: Expected {MAX_TARGET_BYTES:,} bytes at most. Signed: {found.length:,}")
        return found

    def sha256(self, name: str) -> str:
        """Returns the SHA-256 that is signed of a file; raises ReleaseRefusedError if none is."""
        signed = self.target(name).hashes.get("sha256")
        if signed is None:
            raise ReleaseRefusedError(f"{name}: Expected a signed SHA-256. Found none")
        return signed

    def download(self, name: str, folder: Path) -> None:
        """Writes a signed file into a folder; raises as `Trust` does if it is another than was signed."""
        try:
            self._updater.download_target(self.target(name), str(folder / name))
        except (DownloadError, RepositoryError) as error:
            raise self._as_own(error) from error

    def _as_own(self, error: Exception) -> Exception:
        reason = " ".join(str(error).split())
        if isinstance(error, RepositoryError | DownloadLengthMismatchError):
            return ReleaseRefusedError(f"{self._source}: {reason}")
        return OSError(f"{self._source}: {reason}")


def anchor_of(home: Home, root: Path | None) -> bytes:
    """Returns the root of trust: the one kept in `home`, or the one given at the first installation.

    Raises ValueError if there is none, or if another one is given later: a root is replaced by one that it signed.
    """
    given = None if root is None else root.read_bytes()
    kept = home.root.read_bytes() if home.root.exists() else None
    if kept is None and given is None:
        raise ValueError(f"{home.path}: Expected --root ROOT.json at the first installation. Received none")
    if None not in (kept, given) and kept != given:
        raise ValueError(f"{root}: Expected the root that this device has, {home.root}. Received another")
    return kept or given or b""


def keep_anchor(home: Home, anchor: bytes) -> None:
    """Keeps the root of trust of the first installation."""
    if not home.root.exists():
        write_durable(home.root, anchor)


def _limits() -> UpdaterConfig:
    return UpdaterConfig(
        max_delegations=0,
        root_max_length=MAX_METADATA_BYTES,
        snapshot_max_length=MAX_METADATA_BYTES,
        targets_max_length=MAX_METADATA_BYTES,
    )


def _root(home: Home) -> Root:
    return Metadata[Root].from_file(str(home.metadata / "root.json")).signed


def _versions(home: Home, root: Root) -> Floor:
    targets = Metadata[Targets].from_file(str(home.metadata / "targets.json")).signed
    return Floor(root.version, targets.version, tuple(sorted(root.roles["targets"].keyids)))
