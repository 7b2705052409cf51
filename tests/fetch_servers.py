"""Puts other Redis servers under .servers/: `nox -s servers` tries the ledger's scripts on each of them.

Debian's packages of newer suites are downloaded and unpacked, not installed. What they need of their own libraries
comes along. Needs apt-get and dpkg, no root.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1] / ".servers"

#: Name -> suite, program, packages. The second one is built for a newer system than this may be.
SERVERS = {
    "valkey-8": ("bookworm-backports", "valkey-server", ["valkey-server", "valkey-tools"]),
    "redis-8": (
        "trixie", "redis-server",
        [
            "redis-server", "redis-tools", "libc6", "libssl3t64", "libsystemd0", "libjemalloc2", "liblua5.1-0",
            "liblzf1",
            "libatomic1", "libhiredis1.1.0", "zlib1g", "libzstd1", "libcap2", "libgcrypt20", "liblz4-1", "liblzma5",
            "libgpg-error0", "libstdc++6", "libgcc-s1",
        ],
    ),
}  # fmt: skip


def mirror() -> str:
    """The archive this machine already uses."""
    sources = [*Path("/etc/apt").glob("sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    found = re.search(r"https?://\S+/debian/?(?=\s)", "\n".join(path.read_text() for path in sources))
    if found is None:
        raise SystemExit("No Debian archive is named under /etc/apt.")
    return found[0]


def fetch(name: str) -> Path:
    """The folder with a `redis-server` in it."""
    suite, program, packages = SERVERS[name]
    folder = ROOT / name
    ready = folder / "bin/redis-server"
    if ready.exists():
        return ready.parent
    for part in ("lists/partial", "cache/archives/partial", "bin", "root"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(f"deb {mirror()} {suite} main\n")
    apt = [
        "apt-get", "-qq", "-o", f"Dir::Etc::sourcelist={folder / 'sources.list'}", "-o", "Dir::Etc::sourceparts=-",
        "-o", f"Dir::State::lists={folder / 'lists'}", "-o", f"Dir::Cache={folder / 'cache'}",
        "-o", "APT::Sandbox::User=",
    ]  # fmt: skip
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "download", *packages], check=True, cwd=folder)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, folder / "root"], check=True)
    ready.write_text(_start(folder / "root", program))
    ready.chmod(0o755)
    return ready.parent


def _start(root: Path, program: str) -> str:
    """A script that runs it with the libraries that came along, where there are any."""
    path, libraries = root / "usr/bin" / program, root / "usr/lib/x86_64-linux-gnu"
    loader = libraries / "ld-linux-x86-64.so.2"
    way = f"{loader} --argv0 {program} --library-path {libraries} " if loader.exists() else ""
    return f'#!/bin/sh\nexec {way}{path} "$@"\n'


if __name__ == "__main__":
    for one in sys.argv[1:] or SERVERS:
        print(fetch(one))
