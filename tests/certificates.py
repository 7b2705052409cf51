"""A throwaway authority and a certificate for 127.0.0.1, made with the `openssl` command."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


class Certificates:
    def __init__(self, folder: Path) -> None:
        if not shutil.which("openssl"):
            (pytest.fail if os.environ.get("CI") else pytest.skip)("no `openssl` command: TLS is not tested")
        self.ca, self.key, self.certificate = (folder / name for name in ("ca.pem", "server.key", "server.pem"))
        self.folder = folder
        # Python 3.13 asks more of certificates than openssl makes by itself: what each may be used for.
        self._make("ca.key", self.ca, "/CN=throwaway", "basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign")
        signed = ("-CA", str(self.ca), "-CAkey", str(folder / "ca.key"))
        leaf = ("subjectAltName=IP:127.0.0.1", "basicConstraints=critical,CA:FALSE", "keyUsage=digitalSignature")
        self._make("server.key", self.certificate, "/CN=redis", *leaf, signed=signed)

    def options(self, port: int) -> list[str]:
        """What makes a server speak TLS on that port, beside its plain one, to clients without a certificate."""
        return [
            "--tls-port", str(port), "--tls-cert-file", str(self.certificate), "--tls-key-file", str(self.key),
            "--tls-ca-cert-file", str(self.ca), "--tls-auth-clients", "no",
        ]  # fmt: skip

    def _make(self, key: str, certificate: Path, subject: str, *extensions: str, signed: tuple[str, ...] = ()) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", subject]
        files = ["-keyout", str(self.folder / key), "-out", str(certificate)]
        told = [word for extension in extensions for word in ("-addext", extension)]
        subprocess.run([*command, *files, *told, *signed], check=True, capture_output=True)
