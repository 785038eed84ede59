"""Packs editors/vscode as an extension that Visual Studio Code installs, as `vsce package` does.

npm install --omit=dev --prefix editors/vscode
python -m tools.pack_vsix hyperdsl.vsix
code --install-extension hyperdsl.vsix
"""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "editors" / "vscode"
PARTS = ("package.json", "README.md", "LICENSE", "language-configuration.json", "src", "syntaxes", "node_modules")
MANIFEST = "http://schemas.microsoft.com/developer/vsx-schema/2011"
CONTENT_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
TYPES = {".vsixmanifest": "text/xml", ".json": "application/json", ".js": "application/javascript"}
ASSETS = {
    "Microsoft.VisualStudio.Code.Manifest": "package.json",
    "Microsoft.VisualStudio.Services.Content.Details": "README.md",
    "Microsoft.VisualStudio.Services.Content.License": "LICENSE",
}


def pack(folder: Path, output: Path) -> None:
    """Write the extension of a folder; ValueError where one of its dependencies is not installed in it."""
    package = json.loads((folder / "package.json").read_text("utf-8"))
    missing = [name for name in package["dependencies"] if not (folder / "node_modules" / name).is_dir()]
    if missing:
        raise ValueError(f"{', '.join(missing)}: run `npm install --omit=dev --prefix {folder}` first")
    files = list(_files(folder))
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("extension.vsixmanifest", manifest(package))
        archive.writestr("[Content_Types].xml", content_types({file.suffix for file in files}))
        for file in files:
            archive.write(file, f"extension/{file.relative_to(folder).as_posix()}")


def _files(folder: Path) -> Iterator[Path]:
    """Hidden files, which npm leaves, are no parts."""
    for part in PARTS:
        path = folder / part
        found = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        yield from (one for one in found if not any(name.startswith(".") for name in one.relative_to(folder).parts))


def manifest(package: dict[str, Any]) -> bytes:
    """What the extension is, as Visual Studio reads it."""
    root = ET.Element("PackageManifest", {"Version": "2.0.0", "xmlns": MANIFEST})
    about = ET.SubElement(root, "Metadata")
    identity = {"Id": package["name"], "Version": package["version"], "Publisher": package["publisher"]}
    ET.SubElement(about, "Identity", {"Language": "en-US", **identity})
    ET.SubElement(about, "DisplayName").text = package["displayName"]
    ET.SubElement(about, "Description").text = package["description"]
    ET.SubElement(about, "Categories").text = ",".join(package["categories"])
    ET.SubElement(about, "License").text = f"extension/{ASSETS['Microsoft.VisualStudio.Services.Content.License']}"
    properties = ET.SubElement(about, "Properties")
    engine = {"Id": "Microsoft.VisualStudio.Code.Engine", "Value": package["engines"]["vscode"]}
    ET.SubElement(properties, "Property", engine)
    installation = ET.SubElement(root, "Installation")
    ET.SubElement(installation, "InstallationTarget", {"Id": "Microsoft.VisualStudio.Code"})
    ET.SubElement(root, "Dependencies")
    assets = ET.SubElement(root, "Assets")
    for kind, path in ASSETS.items():
        ET.SubElement(assets, "Asset", {"Type": kind, "Path": f"extension/{path}", "Addressable": "true"})
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def content_types(suffixes: set[str]) -> bytes:
    """The media type of every kind of file in the archive."""
    root = ET.Element("Types", {"xmlns": CONTENT_TYPES})
    for suffix in sorted({*suffixes, ".vsixmanifest"} - {""}):
        ET.SubElement(root, "Default", {"Extension": suffix, "ContentType": TYPES.get(suffix, "text/plain")})
    ET.SubElement(root, "Override", {"PartName": "/extension/LICENSE", "ContentType": "text/plain"})
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


if __name__ == "__main__":
    pack(FOLDER, Path(sys.argv[1]))
