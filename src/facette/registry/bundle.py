"""Fitted parts written down as one folder of plain files with a manifest of their digests.

Nothing in it tells when it was written: the same training gives the same digest.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from facette.registry.customer_model import FORMAT, MANIFEST, sha256, verified

CODE = Path(__file__).with_name("customer_model.py")


def write_bundle(
    folder: str | Path, parts: Mapping[str, Mapping[str, bytes]], about: Mapping[str, Any]
) -> str:
    """Write each part's files into a subfolder, then the manifest; returns the model digest.

    The digest is the sha256 of the manifest's bytes; scored customers show its first 16 digits.
    Raises ValueError when the folder holds something, a file's name leads elsewhere, a part has
    no `part.json`, or `about` is not plain JSON.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder}: not empty, a bundle is written into a folder of its own")
    files = _checked_files(parts)
    text = _manifest(sorted(parts), about, files)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_bytes(text)
    return sha256(text)


def subset(folder: str | Path, parts: Iterable[str], out: str | Path) -> str:
    """Write the bundle of some parts of a bundle, for a model of its own; returns its digest."""
    _, manifest, contents = verified(Path(folder))
    wanted = set(parts)
    if unknown := wanted - set(manifest["parts"]):
        raise ValueError(f"{folder}: no part {sorted(unknown)}; there are {manifest['parts']}")
    chosen: dict[str, dict[str, bytes]] = {part: {} for part in wanted}
    for path, content in contents.items():
        part, name = path.split("/", 1)
        if part in wanted:
            chosen[part][name] = content
    return write_bundle(out, chosen, manifest["about"])


def extended(folder: str | Path, part: str, files: Mapping[str, bytes], out: str | Path) -> str:
    """Write the bundle with one part more, or with another one of that name; returns its digest."""
    _, manifest, contents = verified(Path(folder))
    parts: dict[str, dict[str, bytes]] = {name: {} for name in manifest["parts"]}
    for path, content in contents.items():
        own, name = path.split("/", 1)
        parts[own][name] = content
    return write_bundle(out, parts | {part: dict(files)}, manifest["about"])


def _checked_files(parts: Mapping[str, Mapping[str, bytes]]) -> dict[str, bytes]:
    for part, files in parts.items():
        if "part.json" not in files:
            raise ValueError(f"part {part!r} has no part.json")
    named = {
        f"{part}/{name}": data for part, files in parts.items() for name, data in files.items()
    }
    for name in named:
        if PurePosixPath(name).is_absolute() or len(PurePosixPath(name).parts) != 2 or ".." in name:
            raise ValueError(f"{name!r} is not a plain file name inside its part")
    return named


def _manifest(parts: list[str], about: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    told = {
        "format": FORMAT,
        "parts": parts,
        "about": dict(about),
        "files": {name: sha256(content) for name, content in files.items()},
        "code": sha256(CODE.read_bytes()),
    }
    return (json.dumps(told, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
