"""The JSON API, for programs: the same verbs and the same filters as the pages and the command line."""

from __future__ import annotations

from . import acting, reading

__all__ = ["acting", "reading"]
