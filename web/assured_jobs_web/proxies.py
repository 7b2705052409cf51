"""Whom to believe about how the browser asked: the proxies before the app, as many as there are, and nobody else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def behind(app: WSGIApplication, proxies: int) -> WSGIApplication:
    """An app that believes X-Forwarded-For, -Proto, -Host and -Prefix from so many proxies.

    A proxy's prefix goes before that of a mount, which never saw what the proxy took off the path. ProxyFix alone puts
    one in the place of the other, and every link leads past the mount.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        mount, environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", ""), ""

        def under_the_mount(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            prefix = environ["SCRIPT_NAME"].strip("/")
            environ["SCRIPT_NAME"] = (f"/{prefix}" if prefix else "") + mount
            return app(environ, start_response)

        believing = ProxyFix(under_the_mount, x_for=proxies, x_proto=proxies, x_host=proxies, x_prefix=proxies)
        return believing(environ, start_response)

    return answer
