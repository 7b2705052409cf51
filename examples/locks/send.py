"""Synchronises one account: `python send.py acme`."""

from __future__ import annotations

import sys

from tasks import sync_account

sync_account.send(sys.argv[1])
print(f"{sys.argv[1]} is to be synchronised.")
