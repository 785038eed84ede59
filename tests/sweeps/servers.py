"""Servers for sweeps of several machines: a private PostgreSQL, and Optuna's proxy before it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PASSWORD = "s3cret/word"
ESCAPED = "s3cret%2Fword"


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def programs() -> Path:
    """The folder of PostgreSQL's programs; the test is skipped where they are not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        pytest.skip("PostgreSQL's programs are not installed (apt-get install postgresql)")
    return found[-1].parent if found else Path(str(on_path)).parent


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database, whose server ends with the block; for root, the user postgres runs it."""
    binaries, port = programs(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="hyperdsl-postgresql-"))
    user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    secret, data = folder / "password", folder / "data"
    secret.write_text(PASSWORD)
    if user:
        for path in (folder, secret):
            shutil.chown(path, "postgres")

    def call(program: str, *arguments: str) -> None:
        line = [*user, str(binaries / program), "--pgdata", str(data), *arguments]
        done = subprocess.run(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, done.stdout.decode()

    try:
        call("initdb", "--username=sweeper", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--locale=C")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        call("pg_ctl", "--wait", f"--log={folder / 'log'}", f"--options={options}", "start")
        try:
            yield f"postgresql://sweeper:{ESCAPED}@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "--mode=immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def proxy(database: str) -> Iterator[str]:
    """The URL of a proxy of the database, as the guide starts one."""
    port = free_port()
    driven = database.replace("postgresql:", "postgresql+psycopg2:")
    line = (
        "from optuna.storages import get_storage, run_grpc_proxy_server;"
        f"run_grpc_proxy_server(get_storage({driven!r}), host='127.0.0.1', port={port})"
    )
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", line], stderr=subprocess.DEVNULL)
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
