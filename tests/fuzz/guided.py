"""The process that edits texts towards new branches, by Atheris: python -m tests.fuzz.guided FOLDER SECONDS SEED

FOLDER/corpus is what it grows, FOLDER/found what it found: a text for each kind of failure, the shortest, with what
was said of it. Ends the process, as libFuzzer does; what kills it (a hang in C, an abort) libFuzzer leaves in FOLDER.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from pathlib import Path

import atheris  # type: ignore[import-untyped]  # it has no types

with atheris.instrument_imports(include=["hyperdsl"]):
    from tests.fuzz import text


def keep(folder: Path, data: bytes, error: BaseException) -> None:
    """The shortest text of each kind of failure."""
    kind = text.signature(error)
    path = folder / hashlib.sha256(kind.encode()).hexdigest()[:12]
    if not path.exists() or len(data) < path.stat().st_size:
        path.write_bytes(data)
        said = "".join(traceback.format_exception(error))[-4000:]
        path.with_suffix(".txt").write_text(f"{kind}\n\n{said}", "utf-8")


def main(folder: Path, seconds: int, seed: int) -> None:
    corpus, found = folder / "corpus", folder / "found"
    for made in (corpus, found):
        made.mkdir(parents=True, exist_ok=True)
    known = folder / "words"
    quoted = (word.replace("\n", "\\x0a") for word in text.words())
    known.write_text("".join(f'"{word}"\n' for word in quoted), "utf-8")
    with text.looking() as look:

        def target(data: bytes) -> int:
            try:
                look.look_at(data)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                keep(found, data, error)
                return -1  # nothing to go on from
            return 0

        options = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=60", "-rss_limit_mb=4096", f"-seed={seed}"]
        options += [f"-dict={known}", f"-artifact_prefix={folder}/", "-print_final_stats=1", "-len_control=0"]
        atheris.Setup([sys.argv[0], *options, str(corpus)], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
