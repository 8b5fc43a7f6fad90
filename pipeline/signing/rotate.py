"""Replaces a key: a next version of the root, which devices follow because enough of the earlier root's keys signed it.

Source: https://theupdateframework.github.io/specification/latest/#key-management-and-migration.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, Root

from device.files.whole_file import write_whole
from pipeline.signing.keys import ONLINE, ROOT_VALID_DAYS, in_days, key_file, root_files, root_names, write_private


def rotate(folder: Path, name: str) -> Path:
    """Replaces the key `name`, as `targets` or `root-2`, which may be lost, and returns the new root.

    Those of the root's keys that are in the folder sign it. Raises ValueError if they are too few or there is no such
    key, and FileNotFoundError if there is no root.
    """
    path = root_files(folder)[-1]
    before = _read(path)
    new = CryptoSigner.generate_ed25519()
    after = _with_key(_read(path), name, new)
    metadata = Metadata(after)
    for signer in (*_root_signers(folder, before), new):
        if signer.public_key.keyid in {*before.roles["root"].keyids, *after.roles["root"].keyids}:
            metadata.sign(signer, append=True)
    for root in (before, after):
        _require_enough(root, metadata, folder)
    unfinished = key_file(folder, f"{name}.new")
    write_private(unfinished, new.private_bytes)
    written = folder / f"{after.version}.root.json"
    write_whole(written, metadata.to_bytes())
    # Only now: should it end before, there is no root without its key.
    unfinished.replace(key_file(folder, name))
    return written


def _read(path: Path) -> Root:
    try:
        return Metadata[Root].from_bytes(path.read_bytes()).signed
    except RepositoryError as error:
        raise ValueError(f"{path}: Expected a root. {error}") from error


def _with_key(root: Root, name: str, signer: CryptoSigner) -> Root:
    """Returns the next version of a root, in which a key has the place of another."""
    places = {each: ("root", index) for index, each in enumerate(root_names(len(root.roles["root"].keyids)))}
    places |= {each: (each, 0) for each in ONLINE}
    if name not in places:
        raise ValueError(f"Expected a key among {', '.join(places)}. Received: {name}")
    role, index = places[name]
    del root.keys[root.roles[role].keyids[index]]
    root.roles[role].keyids[index] = signer.public_key.keyid
    root.keys[signer.public_key.keyid] = signer.public_key
    root.version += 1
    root.expires = in_days(ROOT_VALID_DAYS)
    return root


def _root_signers(folder: Path, root: Root) -> tuple[CryptoSigner, ...]:
    files = [key_file(folder, name) for name in root_names(len(root.roles["root"].keyids))]
    return tuple(CryptoSigner(load_pem_private_key(path.read_bytes(), None)) for path in files if path.is_file())


def _require_enough(root: Root, metadata: Metadata[Root], folder: Path) -> None:
    try:
        root.verify_delegate("root", metadata.signed_bytes, metadata.signatures)
    except UnsignedMetadataError as error:
        wanted = root.roles["root"].threshold
        raise ValueError(f"{folder}: Expected {wanted} of the root's keys, as root-1.pem. Found too few") from error
