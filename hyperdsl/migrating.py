"""What hyperdsl 0.1 has written, in the form of today: packages and specs.

0.1 knew one form of a corrector's output, which is called `output absolute` now; that of dense layers that read dz has
become relative since. Its packages held no texts of their specs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hyperdsl import compiler
from hyperdsl.codegen.files import GeneratedFile
from hyperdsl.codegen.torch.certificate import sources
from hyperdsl.diagnostics import Diagnostic, has_errors
from hyperdsl.source import Source, SpecFile
from hyperdsl.syntax import nodes
from hyperdsl.syntax.parser import parse
from hyperdsl.syntax.reader import read
from hyperdsl.verifying.package import Package, Remade, read_package, remade

RELATIVE = "_runtime/relative.py"
"""What a package has of which a corrector's output is relative; that of no package of 0.1 was."""


class MigrationError(ValueError):
    """Something that cannot be brought into the form of today, with what to do."""


@dataclass(frozen=True)
class Migrated:
    """A package's files as they are to be, and the texts of spec files that are to be changed."""

    folder: Path
    files: tuple[GeneratedFile, ...]
    specs: tuple[tuple[Path, str], ...]


SAID = "output absolute"
"""What a corrector of 0.1 was that said nothing of its output."""


def migrated_spec(path: Path) -> tuple[str, str, tuple[Diagnostic, ...]]:
    """The text of a spec of 0.1, and the text that means the same today; both are empty where errors are found.

    Correctors whose output would be relative today are given `output absolute`.
    """
    source, found = read(path, path.as_posix())
    if source is None or has_errors(found):
        return "", "", found
    checked = compiler.check([SpecFile(path, path.as_posix())])
    if has_errors(checked.diagnostics):
        return "", "", checked.diagnostics
    relative = {corrector.name for corrector in checked.specs[0].correctors if corrector.output == "relative"}
    return source.original, _absolute(source, relative), ()


def migrated_package(folder: Path, spec: Path | None) -> Migrated:
    """A package as the installed hyperdsl makes it, from `spec`, or from the texts that it holds, or from its spec.

    MigrationError where there is no such text or it is at fault, NoPackageError where the folder is no package.
    """
    package = read_package(folder)
    file = spec
    if file is None and not isinstance(package.certificate.get("sources"), Mapping):
        file = _spec_of(package)
    changed: tuple[tuple[Path, str], ...] = ()
    if file is not None:
        package, changed = _with_sources(package, file)
    made = next(remade([package]))
    if not isinstance(made, Remade):
        raise MigrationError(f"{folder}: {made.text}")
    return Migrated(folder, made.files, changed)


def _spec_of(package: Package) -> Path:
    """The file that a package of 0.1 was made from, by its name and hash."""
    name, wanted = str(package.certificate.get("spec")), package.certificate.get("sha256")
    places = (package.folder.parent.parent / "specs" / name, Path("specs") / name, Path(name))
    for path in places:
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == wanted:
            return path
    raise MigrationError(
        f"{package.folder} holds no text of its spec, and {places[0]} is not the {name} that it was made from: "
        "name that file with --spec"
    )


def _with_sources(package: Package, file: Path) -> tuple[Package, tuple[tuple[Path, str], ...]]:
    """The package with the texts of its spec and imports as they mean today, and those files that are to be changed."""
    if file.stem != Path(str(package.certificate.get("spec"))).stem:
        raise MigrationError(f"{package.folder} was made from {package.certificate.get('spec')}, not from {file.name}")
    checked = compiler.check([SpecFile(file, file.as_posix())])
    if has_errors(checked.diagnostics):
        raise MigrationError(f"{file}: {next(one.message for one in checked.diagnostics if one.severity == 'error')}")
    texts, changed = sources(checked.specs[0]), []
    for name in () if (package.folder / RELATIVE).exists() else tuple(texts):
        path = file.parent / name
        before, texts[name], _ = migrated_spec(path)
        if texts[name] != before:
            changed.append((path, texts[name]))
    certificate: dict[str, Any] = {**package.certificate, "spec": file.name, "sources": texts}
    return replace(package, text=json.dumps(certificate), certificate=certificate), tuple(changed)


def _absolute(source: Source, relative: set[str]) -> str:
    """The text with `output absolute` in correctors of these names that say nothing of their output."""
    tree, _ = parse(source)
    lines = source.original.splitlines(keepends=True)
    for declaration in sorted(_silent(tree.items if tree else (), relative), key=lambda one: -one.span.line):
        end, brace = declaration.span.end_line - 1, declaration.span.end_column - 2
        before, after = lines[end][:brace], lines[end][brace:]
        lines[end] = f"{before.rstrip()}\n    {SAID}\n{after}" if before.strip() else f"    {SAID}\n{after}"
    return "".join(lines)


def _silent(items: Sequence[nodes.Item], names: set[str]) -> Iterator[nodes.Declaration]:
    for item in items:
        if not isinstance(item, nodes.Declaration) or item.word.text != "corrector" or item.name.text not in names:
            continue
        words = {one.word.text for one in item.body.statements if isinstance(one, nodes.Setting)}
        if "output" not in words:
            yield item
