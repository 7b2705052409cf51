"""`assured-jobs`: words for humans, and JSON for programs, over orphans and recovery.

Exit codes: 0 done; 1 nothing matched, refused, or a fault found; 2 usage or configuration; 3 Redis unreachable or
refusing.
"""

from __future__ import annotations

from .app import main

__all__ = ["main"]
