"""The demo's app: an invoice for each order. Run by `python -m dramatiq assured_jobs.demo.shop`.

Every start and every end is one line of a file, and the end is the effect: an invoice, written last.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from decimal import Decimal, InvalidOperation

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from assured_jobs import AssuredJobs, current_job
from assured_jobs.ledger.connecting import client_of

#: Value-added or sales tax by country, in percent.
TAX = {
    "DE": "19", "FR": "20", "IE": "23", "ES": "21", "IT": "22", "NL": "21", "PT": "23", "GB": "20", "PL": "23",
    "CH": "8.1", "JP": "10", "US": "0", "DK": "25", "SE": "25", "CA": "5",
}  # fmt: skip

WITHOUT_CENTS = {"JPY"}

broker = RedisBroker(
    client=client_of(os.environ.get("SHOP_REDIS_URL", "redis://127.0.0.1:6379/0")),
    namespace=os.environ.get("SHOP_NAMESPACE", "shop"),
)
broker.add_middleware(AssuredJobs())
dramatiq.set_broker(broker)


class BadOrder(ValueError):
    """The order cannot be invoiced."""


@dramatiq.actor(queue_name="orders", assured=True)
def invoice_order(row: dict[str, str]) -> None:
    """Checks one order, charges it, and writes its invoice. An order that makes no sense is written off instead."""
    order = row["order_id"]
    job = current_job()
    note(order, "start", crashes=job.crash_count if job else 0, delivery=job.entry.delivery if job else "")
    try:
        invoice = price(row)
    except BadOrder as error:
        note(order, "done", rejected=str(error))
        return
    time.sleep(0.15 + zlib.crc32(order.encode()) % 200 / 1000)  # the payment provider takes its time
    note(order, "done", **invoice)


def price(row: dict[str, str]) -> dict[str, str]:
    """Net, tax and total of an order. Raises BadOrder."""
    country, currency = row["country"], row["currency"]
    try:
        quantity, unit_price = int(row["quantity"]), Decimal(row["unit_price"])
    except (ValueError, InvalidOperation):
        raise BadOrder(f"{row['quantity']!r} x {row['unit_price']!r} is no price") from None
    if quantity < 1 or unit_price <= 0:
        raise BadOrder(f"{quantity} x {unit_price} is no sale")
    if country not in TAX:
        raise BadOrder(f"no tax is known for {country!r}")
    cent = Decimal(1) if currency in WITHOUT_CENTS else Decimal("0.01")
    net = (quantity * unit_price).quantize(cent)
    tax = (net * Decimal(TAX[country]) / 100).quantize(cent)
    return {
        "customer": row["customer"],
        "net": str(net),
        "tax": str(tax),
        "total": str(net + tax),
        "currency": currency,
    }


def note(order: str, event: str, **more: object) -> None:
    """One line in one write: there or not, also when the process dies next."""
    line = json.dumps({"order": order, "event": event, "at": time.time(), "pid": os.getpid(), **more}) + "\n"
    file = os.open(os.environ.get("SHOP_EFFECTS", "invoices.jsonl"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
