"""What of a bundle is signed: the model, its manifest, its golden inputs, the licence, and a list of these in SPDX."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from device.contract.answers import Answers
from device.contract.manifest import GOLDEN_NAME, MANIFEST_NAME, Manifest, read_manifest
from device.files.sha256 import sha256_hex
from device.interpreter import RUNTIMES
from device.update.release import ALL_PERMILLE, LICENSE_NAME, SPDX_NAME, ReleaseRecord
from pipeline.signing.answers import joined
from pipeline.signing.repository import SignedRelease


def contents(
    bundle: Path,
    processors: tuple[str, ...],
    runtimes: tuple[str, ...],
    permille: int = ALL_PERMILLE,
    answers: tuple[Answers, ...] = (),
) -> SignedRelease:
    """Returns the release in a bundle, for some processors (none named: for any) and runtimes (none named: for all).

    `permille` is the share of devices that take it, and `answers` are those that devices are held to.

    Raises ManifestError if the files are not those that the manifest describes, ValueError if the answers are another
    file's or contradict each other, and FileNotFoundError if a file is missing.
    """
    model = bundle / "model"
    manifest = read_manifest(model)
    files = {
        MANIFEST_NAME: (model / MANIFEST_NAME).read_bytes(),
        manifest.file.name: manifest.verified_content(model),
        GOLDEN_NAME: manifest.verified_golden(model),
        LICENSE_NAME: (bundle / LICENSE_NAME).read_bytes(),
    }
    record = ReleaseRecord(
        *(manifest.name, manifest.version, manifest.format_version, manifest.file.name),
        processors=processors,
        runtimes=runtimes or tuple(RUNTIMES),
        permille=permille,
        answers=joined(answers, manifest.file.sha256),
    )
    # Not the present time: a bundle that is signed again must stay the same release.
    created = datetime.fromtimestamp((model / MANIFEST_NAME).stat().st_mtime, timezone.utc)
    return SignedRelease({**files, SPDX_NAME: _spdx(manifest, files, created)}, record)


def _spdx(manifest: Manifest, files: Mapping[str, bytes], created: datetime) -> bytes:
    """Returns an SPDX 2.3 document. Source: https://spdx.github.io/spdx-spec/v2.3/."""
    release = f"{manifest.name}-{manifest.version}"
    ids = {name: f"SPDXRef-File-{name.replace('_', '-')}" for name in files}
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": release,
        "documentNamespace": f"https://github.com/rowstream/rowstream/spdx/{release}-{manifest.file.sha256}",
        "creationInfo": {
            "created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": [f"Tool: rowstream-{manifest.version}"],
        },
        "files": [
            {
                "SPDXID": ids[name],
                "fileName": f"./{name}",
                "checksums": _checksums(content),
                "licenseConcluded": "Apache-2.0",
                "copyrightText": "NOASSERTION",
            }
            for name, content in files.items()
        ],
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": each}
            for each in ids.values()
        ],
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def _checksums(content: bytes) -> list[dict[str, str]]:
    # SPDX 2.3 requires SHA-1; what is signed is SHA-256.
    sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    hashes = {"SHA1": sha1, "SHA256": sha256_hex(content)}
    return [{"algorithm": name, "checksumValue": value} for name, value in hashes.items()]
