"""What is hidden of a job's arguments and of its traceback, before anybody sees it."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import pytest

from assured_jobs.entry import Orphan
from assured_jobs.orphans import Redaction, Shown
from assured_jobs.orphans.wording import as_json, call, dumps

ORPHAN = Orphan("delivery", "message", "actor", "queue", "namespace", "instance")

WORD = "hunter2"


def of(*args: Any, traceback: str | None = None, **redaction: Any) -> Shown:
    return Redaction(**redaction).of(Shown(ORPHAN, list(args), {}, traceback=traceback))


@pytest.mark.parametrize(
    "value",
    [
        {"a": [{"b": ({"PASSWORD": WORD},)}]}, {"privateKey": WORD}, {"cardNumber": WORD}, {"API key": WORD},
        {"Access-Key": WORD}, {"pwd": WORD}, {"passphrase": WORD}, [["X-Api-Key", WORD]],
        json.dumps({"password": WORD}), json.dumps(json.dumps({"a": [{"password": WORD}]})),
        json.dumps({"credentials": {"user": "u", "key": WORD}}), f"password={WORD}&user=a", f"see token: '{WORD}'",
        f"https://example.com/?access_token={WORD}", f"postgres://u:p@{WORD}@db/x", f"https://{WORD * 60}@example.com",
        {f"redis://u:{WORD}@host": 1}, f"Bearer {WORD}", f"Authorization: Basic {WORD}",
        f"curl -H 'Authorization: Bearer {WORD}'", f"Cookie: a=1; b={WORD}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{WORD}",
    ],
    ids=range(22),
)  # fmt: skip
def test_a_secret_in_arguments_is_hidden_wherever_it_stands(value):
    shown = of("seen", value)
    assert "seen" in dumps(as_json(shown))
    assert WORD not in dumps(as_json(shown))
    assert "hidden]" in call(shown) or "***" in call(shown)


@pytest.mark.parametrize(
    "line",
    [
        f"connect(password='{WORD}')", f"Authorization: Bearer {WORD}", f"got Bearer {WORD} instead",
        f"password='{'x ' * 200}{WORD}'", f"password={'x' * 400}{WORD}", f"password='it\\'s {WORD}'",
        f"password=b'{WORD}'", f'token=f"a {WORD}"', f"password='''\n{WORD}\n'''", f"('password', '{WORD}')",
        f'"{{\\"password\\": \\"{WORD}\\"}}"', f"{{'credentials': {{'user': 'u', 'key': '{WORD}'}}}}",
        f"password = '{WORD}", f"password => {WORD}", f"privateKey='{WORD}'", f"https://{WORD * 60}@example.com",
        f"-----BEGIN PRIVATE KEY-----\n{WORD}\n-----END PRIVATE KEY-----",
    ],
    ids=range(17),
)  # fmt: skip
def test_a_secret_in_a_traceback_is_hidden(line):
    text = of(traceback=f"Traceback:\n  File x\n    {line}\nValueError: no").traceback
    assert text is not None
    assert WORD not in text
    assert text.startswith("Traceback:\n  File x")


@pytest.mark.parametrize(
    "value", ["hello", 1, 1.5, None, True, ["a", "b"], {"size": [1, {"x": None}]}, '{"a": 1}', "http://a/?q=b@c", "[x"]
)
def test_what_is_no_secret_is_shown_as_it_is(value):
    assert of(value).args == [value]


def test_names_of_ones_own_are_hidden_however_their_parts_are_joined():
    shown = of({"taxNumber": WORD, "tax-number": WORD, "password": "seen"}, names=("tax_number",))
    assert shown.args == [{"taxNumber": "[hidden]", "tax-number": "[hidden]", "password": "seen"}]
    assert of({"password": "seen"}, f"password={WORD}", names=()).args == [{"password": "seen"}, f"password={WORD}"]


@pytest.mark.parametrize(
    "told",
    [(5, 6), None, ([], 7), ([{1, 2}], {}), ([Decimal(1)], {"x": object()}), ([], {(1, 2): 3}), (["\ud800"], {})],
)
def test_a_hook_may_return_what_it_likes(told):
    shown = Redaction(hook=lambda *_: told).of(Shown(ORPHAN, ["x"], {}))
    assert call(shown)
    assert json.loads(dumps(as_json(shown)))


@pytest.mark.parametrize("part", ["x", "://", "token", "token=", "token='", 'token="\\', "bearer ", "-----BEGIN ", "{"])
def test_no_text_makes_it_slow(part):
    text = part * (200_000 // len(part))
    began = time.monotonic()
    of(text, traceback=text)
    assert time.monotonic() - began < 2
