"""The files of editors/ have the language's words, and are packed as Visual Studio Code reads them."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest

from hyperdsl import __version__
from hyperdsl.semantics.settings_table import BLOCKS
from hyperdsl.syntax.brackets import DECLARATIONS
from tools import editor_words
from tools.pack_vsix import FOLDER, pack


@pytest.mark.parametrize("path", [*editor_words.texts()], ids=lambda path: path.name)
def test_syntax_files_are_those_of_the_language(path: Path) -> None:
    assert path.read_text("utf-8") == editor_words.texts()[path], "run `python -m tools.editor_words`"


def test_the_grammar_has_every_word_and_no_other() -> None:
    rules = json.loads(editor_words.GRAMMAR.read_text("utf-8"))["patterns"]
    by_name = {rule["captures"]["1"]["name"]: rule["match"] for rule in rules if "captures" in rule}
    listed = {
        name: re.findall(r"\w+", match.partition(r"\s*(")[2].partition(")")[0]) for name, match in by_name.items()
    }
    assert listed["keyword.declaration.hyper"] == [*DECLARATIONS]
    words = {word.word for words in BLOCKS.values() for word in words}
    assert {*listed["keyword.other.setting.hyper"]} == words
    for rule in rules:
        re.compile(rule["match"])


def test_the_grammar_leaves_nothing_of_a_spec_out() -> None:
    """Each rule is also one of Python's, and the first of those that match next is taken, as editors do."""
    rules = [re.compile(rule["match"]) for rule in json.loads(editor_words.GRAMMAR.read_text("utf-8"))["patterns"]]
    root = Path(__file__).parents[1]
    specs = [root / "syntax" / "everything.hyper", *sorted((root / "first_specs").glob("*.hyper"))]
    for line in (line for path in specs for line in path.read_text("utf-8").splitlines()):
        at = 0
        while found := min(filter(None, (rule.search(line, at) for rule in rules)), key=re.Match.start, default=None):
            assert found.end() > at
            assert not line[at : found.start()].strip(), line
            at = found.end()
        assert not line[at:].strip(), line


@pytest.fixture
def extension(tmp_path: Path) -> Path:
    """The extension's folder, with something in place of what npm installs."""
    folder = tmp_path / "vscode"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("node_modules"))
    client = folder / "node_modules" / "vscode-languageclient"
    client.mkdir(parents=True)
    (client / "package.json").write_text("{}", "utf-8")
    return folder


def test_the_packed_extension_has_what_its_manifest_names(extension: Path, tmp_path: Path) -> None:
    pack(extension, tmp_path / "hyperdsl.vsix")
    with zipfile.ZipFile(tmp_path / "hyperdsl.vsix") as archive:
        names = {*archive.namelist()}
        manifest = ET.fromstring(archive.read("extension.vsixmanifest"))
        types = ET.fromstring(archive.read("[Content_Types].xml"))
        package = json.loads(archive.read("extension/package.json"))
    contributed = package["contributes"]
    named = [package["main"], contributed["languages"][0]["configuration"], contributed["grammars"][0]["path"]]
    assert {f"extension/{path.removeprefix('./')}" for path in named} <= names
    assert "extension/node_modules/vscode-languageclient/package.json" in names
    space = {"v": "http://schemas.microsoft.com/developer/vsx-schema/2011"}
    assert {asset.attrib["Path"] for asset in manifest.findall(".//v:Asset", space)} <= names
    identity = manifest.find(".//v:Identity", space)
    assert identity is not None
    assert (identity.attrib["Id"], identity.attrib["Version"]) == ("hyperdsl", __version__)
    known = {one.attrib.get("Extension") for one in types}
    assert {Path(name).suffix for name in names if Path(name).suffix} - {".xml"} <= known


def test_without_its_client_nothing_is_packed(extension: Path, tmp_path: Path) -> None:
    shutil.rmtree(extension / "node_modules")
    with pytest.raises(ValueError, match="vscode-languageclient: run `npm install"):
        pack(extension, tmp_path / "hyperdsl.vsix")
    assert not (tmp_path / "hyperdsl.vsix").exists()
