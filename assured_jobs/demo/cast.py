"""Who plays in the samples: workers, and jobs with names and arguments as a shop might have them."""

from __future__ import annotations

from typing import Any

from ..entry import Policy

#: Workers that live, and their queues.
LIVING = (("k8d2x", ("default", "mail")), ("p3mzv", ("payments",)), ("t9wqr", ("reports", "media")))

#: What they run: actor, queue, and what it was called with.
RUNNING: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("sync_account", "default", {"account": "globex"}),
    ("charge_card", "payments", {"payment_id": 88109}),
    ("render_report", "reports", {"report": "november", "rows": 48_000}),
    ("send_invoice", "mail", {"order_id": "A-10233"}),
)

_KILLS = Policy(max_crashes=1)
_ASKS = Policy(on_orphan="hold")

_FAILED = """Traceback (most recent call last):
  File "/app/shop/reports.py", line 88, in render_report
    frame = warehouse.load(query, password="s3cret")
MemoryError: cannot allocate 3.1 GiB
"""

_BIG = {"rows": 990_000, "traceback": _FAILED}

#: Minutes ago, worker, queue, actor, policy, and what it was called with.
HELD: tuple[tuple[int, str, str, str, Policy, dict[str, Any]], ...] = (
    (214, "shop-worker-5c8b4-n6k", "reports", "render_report", _KILLS, {"report": "q3", **_BIG}),
    (187, "shop-worker-5c8b4-n6k", "reports", "render_report", _KILLS, {"report": "q4", **_BIG}),
    (96, "shop-worker-5c8b4-w1c", "payments", "charge_card", _ASKS, {"payment_id": 88012, "card_token": "tok_9f2"}),
    (95, "shop-worker-5c8b4-w1c", "payments", "charge_card", _ASKS, {"payment_id": 88013, "card_token": "tok_9f3"}),
    (61, "shop-worker-5c8b4-r8s", "media", "resize_image", _KILLS, {"path": "uploads/7781.png", "sizes": [64, 1024]}),
    (
        34,
        "shop-worker-6d9f7c-b5d",
        "mail",
        "send_invoice",
        _KILLS,
        {"order_id": "A-10198", "to": "a.smith@example.com"},
    ),
    (33, "shop-worker-6d9f7c-b5d", "mail", "send_invoice", _KILLS, {"order_id": "A-10199", "to": "j.doe@example.com"}),
    (12, "shop-worker-6d9f7c-x2b", "payments", "charge_card", _ASKS, {"payment_id": 88104, "api_key": "sk_live_1"}),
    (4, "shop-worker-6d9f7c-x2b", "payments", "charge_card", _ASKS, {"payment_id": 88117, "api_key": "sk_live_2"}),
)
