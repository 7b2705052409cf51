"""The dashboard behind a small server of its own: what `assured-jobs web` starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from waitress.server import create_server

from assured_jobs.errors import AssuredJobsError
from assured_jobs.settings import AssuredJobsSettings

from .app import create_app
from .settings import WebSettings

THREADS = 8

#: Bytes of a request. A body is kept on disk before anybody asks who sent it; what is less, the guard refuses in words.
LARGEST = 1024 * 1024

#: Names of this very machine. Where nobody else can reach it, a page elsewhere must not reach it by another name.
_LOCAL = ("localhost", "127.0.0.1", "[::1]")


class CannotListen(AssuredJobsError):
    """The address is taken, or is none of this machine's."""


def serve(
    host: str,
    port: int,
    *,
    ready: Callable[[str, WebSettings], object],
    settings: WebSettings | None = None,
    jobs: AssuredJobsSettings | None = None,
) -> None:
    """Serves until it is interrupted. `ready` is told the address, once it is listened to.

    Raises ConfigurationError, CannotListen.
    """
    settings = settings or WebSettings()
    if host in ("localhost", "127.0.0.1", "::1") and not settings.trusted_hosts:
        settings = settings.model_copy(update={"trusted_hosts": _LOCAL})
    app = create_app(settings, jobs=jobs)
    try:
        server: Any = create_server(
            app, host=host, port=port, threads=THREADS, ident="", clear_untrusted_proxy_headers=not settings.proxies,
            max_request_body_size=LARGEST,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise CannotListen(f"Cannot listen on {host}, port {port}: {error}") from error
    shown = f"[{host}]" if ":" in host else host
    try:
        ready(f"http://{shown}:{getattr(server, 'effective_port', port)}/", settings)
        server.run()
    except KeyboardInterrupt:
        pass  # how it ends; once it runs, waitress takes that for its end by itself
    finally:
        server.close()
