"""Who comes to the dashboard in these tests, and with what."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

from flask.testing import FlaskClient

SECRETS: dict[str, Any] = {
    "username": "ann", "password": "ann's word", "readonly_username": "bob", "readonly_password": "bob's word",
    "token": "operator-token-0001", "readonly_token": "viewer-token-000001", "secret_key": "k" * 32,
}  # fmt: skip


def basic(name: str, word: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{word}".encode()).decode()}


ANN, BOB = basic("ann", "ann's word"), basic("bob", "bob's word")
BEARER, VIEWER = ({"Authorization": f"Bearer {SECRETS[name]}"} for name in ("token", "readonly_token"))


class Operator:
    """A person before a browser, as far as requests tell: it takes the token from the page it acts on."""

    def __init__(self, client: FlaskClient, headers: dict[str, str], prefix: str = "") -> None:
        self.client, self.headers, self.prefix = client, headers, prefix

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(self.prefix + path, headers={**self.headers, **more.pop("headers", {})}, **more)

    def post(self, path: str, data: Any = None, *, page: str = "/orphans", **more: Any) -> Any:
        headers = {**self.headers, **more.pop("headers", {})}
        fields = {"csrf_token": self.token(page), **(data or {})}
        return self.client.post(self.prefix + path, data=fields, headers=headers, **more)

    def token(self, page: str = "/orphans") -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(page).text)
        return found[1] if found else ""
