"""The crates in the program, as Cargo resolves them for one platform: normal dependencies, without what only builds or
tests. Nothing is fetched."""

import json
import os
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Crate:
    """One crate, by its own manifest and by our lock file."""

    name: str
    version: str
    licence: str
    authors: tuple
    repository: str
    description: str
    folder: Path
    checksum: str
    needs: tuple

    @property
    def purl(self):
        return f"pkg:cargo/{self.name}@{self.version}"


def cargo(*arguments):
    """What cargo prints."""
    command = [ROOT / ".ci/cargo", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def host():
    """The platform that is built for: $TIDEGATE_TARGET, or this machine's."""
    asked = os.environ.get("TIDEGATE_TARGET")
    return asked or next(line.split()[1] for line in cargo("-vV").splitlines() if line.startswith("host:"))


def read():
    """Ourselves, and every crate in the program, sorted."""
    metadata = json.loads(
        cargo("metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", host())
    )
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    needs = {}
    ahead = [root]
    while ahead:
        at = ahead.pop()
        if at not in needs:
            needs[at] = [dep["pkg"] for dep in nodes[at]["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]
            ahead += needs[at]
    packages = {package["id"]: package for package in metadata["packages"]}
    checksums = read_checksums()
    made = {id: make(packages[id], checksums, [packages[need] for need in needs[id]]) for id in needs}
    ours = made.pop(root)
    return ours, sorted(made.values(), key=lambda crate: (crate.name, crate.version))


def make(package, checksums, needs):
    return Crate(
        name=package["name"],
        version=package["version"],
        licence=package["license"] or "",
        authors=tuple(author.split(" <")[0] for author in package["authors"]),
        repository=package["repository"] or package["homepage"] or "",
        description=" ".join((package["description"] or "").split()),
        folder=Path(package["manifest_path"]).parent,
        checksum=checksums.get((package["name"], package["version"]), ""),
        needs=tuple(sorted(f"pkg:cargo/{need['name']}@{need['version']}" for need in needs)),
    )


def read_checksums():
    """SHA-256 of each crate as it was published."""
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))
    return {(package["name"], package["version"]): package.get("checksum", "") for package in lock["package"]}
