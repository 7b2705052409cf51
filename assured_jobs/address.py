"""The address of a Redis: which URLs are understood, and how one is shown without its secrets.

Whoever mistypes a password into the wrong place of a URL must not find it in a log: what is not understood in every
part is refused, and neither a refusal nor a masked URL repeats what may be secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_AUTH = r"(?:(?P<auth>[^/?#]*)@)?"
_PORT = r"(?::[0-9]+)?"
_NAME = r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/?#@,\[\]]+)"
_QUERY = r"(?:\?(?P<query>[^#]*))?"

#: Each scheme, with how its URLs read to a person and to us.
_FORMS = {
    "redis://": ("redis://[[user]:password@]host[:port][/db]", rf"(?P<hosts>{_NAME}?{_PORT})(?P<path>(?:/[0-9]*)?)"),
    "rediss://": ("rediss://[[user]:password@]host[:port][/db]", rf"(?P<hosts>{_NAME}?{_PORT})(?P<path>(?:/[0-9]*)?)"),
    "unix://": ("unix://[[user]:password@]/path[?db=0]", r"(?P<hosts>)(?P<path>/[^?#]+)"),
    "redis+sentinel://": (
        "redis+sentinel://[[user]:password@]host[:port],host[:port]/service[/db]",
        rf"(?P<hosts>{_NAME}{_PORT}(?:,{_NAME}{_PORT})*)(?P<path>/[^/?#@]+(?:/[0-9]*)?)",
    ),
}
_SENTINEL_PORT = 26379
_LAST_PORT = 65535

#: Options after the question mark whose values are shown. Any other may be a secret.
_PUBLIC = re.compile(
    r"(?:sentinel_)?(?:db|username|client_name|protocol|ssl|ssl_(?:ca_certs|ca_path|certfile|keyfile|cert_reqs"
    r"|check_hostname|min_version|ciphers)|socket_\w+|max_connections|health_check_interval)"
)


@dataclass(frozen=True)
class Address:
    """A URL in its parts, each still as it was written."""

    scheme: str
    auth: str | None
    hosts: str
    path: str
    options: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, url: str) -> Address:
        """Raises ValueError saying what is expected, and nothing of what came."""
        scheme = next((scheme for scheme in _FORMS if url.startswith(scheme)), None)
        if scheme is None:
            raise ValueError(f"a URL beginning with {', '.join(_FORMS)}")
        form, pattern = _FORMS[scheme]
        found = re.fullmatch(_AUTH + pattern + _QUERY, url.removeprefix(scheme))
        if not found or any(int(port) > _LAST_PORT for port in re.findall(r":([0-9]+)(?:,|$)", found["hosts"])):
            raise ValueError(form)
        pairs = [pair.partition("=") for pair in (found["query"] or "").split("&") if pair]
        if any(not name or not equals or (name == "db" and not value.isdecimal()) for name, equals, value in pairs):
            raise ValueError(f"{form}, with its options as ?name=value&name=value")
        options = tuple((name, value) for name, _, value in pairs)
        return cls(scheme, found["auth"], found["hosts"], found["path"], options)

    @property
    def sentinels(self) -> list[tuple[str, int]]:
        """Host and port of each sentinel."""
        found = re.findall(rf"({_NAME})(?::([0-9]+))?", self.hosts)
        return [(unquote(host.strip("[]")), int(port or _SENTINEL_PORT)) for host, port in found]

    @property
    def service(self) -> str:
        """What the sentinels call the Redis; empty where there are none."""
        return unquote(self.path.split("/")[1]) if self.scheme == "redis+sentinel://" else ""

    @property
    def db(self) -> int | None:
        """The database that is written after the service."""
        _, _, db = self.path.removeprefix("/").partition("/")
        return int(db) if self.service and db else None

    @property
    def credentials(self) -> dict[str, str]:
        user, _, password = (self.auth or "").partition(":")
        return {name: unquote(word) for name, word in (("username", user), ("password", password)) if word}

    def masked(self) -> str:
        """The URL for a person to read: the user kept, every secret as `***`."""
        user, colon, _ = (self.auth or "").partition(":")
        auth = "" if self.auth is None else f"{user}{':***' if colon else ''}@"
        shown = [f"{name}={value if _PUBLIC.fullmatch(name) else '***'}" for name, value in self.options]
        return f"{self.scheme}{auth}{self.hosts}{self.path}{'?' if shown else ''}{'&'.join(shown)}"
