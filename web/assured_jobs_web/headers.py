"""What a browser may do with our pages: nothing but show them, with our own style sheet and script."""

from __future__ import annotations

from flask import Response, request

from .where import here

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # a host's CSRF protection may ask for a Referer over HTTPS
    "Cross-Origin-Resource-Policy": "same-origin",
}


def dress(response: Response) -> Response:
    """What the host has set goes before ours."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:  # a browser complains of it elsewhere
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if here().door_name == "static":
        # With what it is in its address it never changes there; without, the browser asks whether it has.
        forever = "v" in request.args
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if forever else "no-cache"
    else:
        response.headers["Cache-Control"] = "no-store"
    return response
