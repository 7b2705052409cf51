"""Who keeps the books: what was sent against what was done, and the cause of whatever was done more than once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from dramatiq.worker import POST_PROCESS_MESSAGE_RETRY_DELAY_SECS

from assured_jobs.entry import Orphan
from assured_jobs.ledger import Told
from chaos.diary import Diary
from chaos.effects import Row
from chaos.mischief import CAP
from chaos.sender import Sent

#: Between a job's last line and its ack lie milliseconds; on a busy machine, or behind a timeout, this many seconds.
SOON = 3.0

#: An ack that meets Redis going away was sent no longer than this after the job's last line, in seconds.
PROMPT = 0.5


@dataclass
class Attempt:
    """One start of one job on one worker."""

    start: Row
    effect: Row | None = None


@dataclass
class Books:
    sent: int = 0
    doubtful: int = 0
    done: int = 0
    lost: list[int] = field(default_factory=list)
    extra: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    held_innocents: list[str] = field(default_factory=list)
    poison: int = 0
    poison_held: int = 0
    poison_starts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def balance(self) -> bool:
        return not (self.lost or self.wrong or self.held_innocents)

    def told(self) -> str:
        rows = [
            ("sent", f"{self.sent} (and {self.doubtful} of which nobody knows: the connection broke in the sending)"),
            ("done", str(self.done)),
            ("lost", f"{len(self.lost)} {self.lost[:20] or ''}"),
            ("completions beyond one", f"{self.extra.total()} {dict(self.extra) or ''}"),
            ("deaths declared", f"{self.deaths.total()} {dict(self.deaths) or ''}"),
            ("innocents held", f"{len(self.held_innocents)} {self.held_innocents[:5] or ''}"),
            ("poison", f"{self.poison} sent, {self.poison_held} held, starts: {dict(self.poison_starts) or ''}"),
        ]
        return "\n".join([f"  {name:24}{value}" for name, value in rows] + [f"  WRONG: {one}" for one in self.wrong])


class Keeper:
    """Reads the effects, the diary of the faults and the ledger's own story against each other."""

    def __init__(self, sent: Sent, rows: Iterable[Row], diary: Diary, told: list[Told], held: list[Orphan]) -> None:
        self.sent, self.diary, self.told, self.held = sent, diary, told, held
        self.rows = sorted(rows, key=lambda row: row.at)
        self.attempts: dict[int, list[Attempt]] = defaultdict(list)
        by_token: dict[str, Attempt] = {}
        for row in self.rows:
            if row.kind == "start":
                by_token[row.token] = attempt = Attempt(row)
                self.attempts[row.n].append(attempt)
            elif row.kind == "effect" and row.token in by_token:
                by_token[row.token].effect = row
        self.declared = {
            fact["instance"]: (one.at / 1000, fact["cause"])
            for one in told
            if one.action == "InstanceDied" and (fact := one.fact)
        }
        self.outages = [(a, b + SOON) for a, b in diary.spans("goes", "is back", "redis")]
        self.ends = self._ends()

    def keep(self) -> Books:
        sent, books = self.sent, Books()
        books.sent, books.doubtful = len(sent.certain), len(sent.doubtful)
        innocent = {n for n, kind in sent.kinds.items() if kind != "poison"}
        done = {n for n, attempts in self.attempts.items() if any(one.effect for one in attempts)}
        books.done = len(done & innocent)
        books.lost = sorted((sent.certain & innocent) - done)
        for n in sorted(done):
            self._explain_extra(n, books)
        self._count_deaths(books)
        self._look_at_poison(books)
        return books

    def _ends(self) -> dict[str, list[float]]:
        """When the process of each label was killed, or told to end, or was found to be gone."""
        found: dict[str, list[float]] = defaultdict(list)
        for act in self.diary.acts:
            if act.what in ("SIGKILL", "SIGTERM", "is gone"):
                found[act.whom].append(act.at)
        for row in self.rows:
            if row.kind == "start" and self.sent.kinds.get(row.n) == "poison":
                found[row.label].append(row.at)
        return {label: sorted(times) for label, times in found.items()}

    def _explain_extra(self, n: int, books: Books) -> None:
        """Of several completions the one with the highest fence counts; each other one needs a cause."""
        completed = sorted((one for one in self.attempts[n] if one.effect), key=lambda one: one.start.fence)
        for attempt in completed[:-1]:
            cause = self._cause(attempt) or self._cause_of_doubt(n)
            if cause is None:
                lines = [f"{one.kind} by {one.instance} fence {one.fence} at {one.at:.3f}" for one in self._rows_of(n)]
                books.wrong.append(f"an unexplained completion of {self.sent.kinds[n]} {n}: {lines}")
            books.extra[cause or "UNEXPLAINED"] += 1

    def _cause(self, attempt: Attempt) -> str | None:
        assert attempt.effect
        # It began where its fence was given: the worker may have slept before the job's first line.
        began = min(attempt.start.at, attempt.start.fence / 1e6 or attempt.start.at)
        label, done = attempt.start.label, attempt.effect.at
        ended = self._acked_by(done)
        pauses = self.diary.spans("SIGSTOP", "SIGCONT", label)
        declared_at, _ = self.declared.get(attempt.start.instance, (None, ""))
        if declared_at and any(a < declared_at < b + SOON and a < ended + SOON and b > began for a, b in pauses):
            return "paused past the limit"
        for end in self.ends.get(label, []):
            idle = end - ended - sum(_overlap(a, b, ended, end) for a, b in [*pauses, *self.outages])
            if end - done >= -0.01 and idle < SOON:
                return "killed between effect and ack"
        return None

    def _acked_by(self, done: float) -> float:
        """When a job was acked that was done at that time. Where Redis was away Dramatiq sleeps, and tries again."""
        tries = [done]
        while any(a - PROMPT < tries[-1] < b for a, b in self.outages):
            tries.append(tries[-1] + POST_PROCESS_MESSAGE_RETRY_DELAY_SECS)
        return tries[-1]

    def _cause_of_doubt(self, n: int) -> str | None:
        if any(one.start.fence == 0 for one in self.attempts[n]):
            return "started unrecorded while Redis was away"
        return None

    def _rows_of(self, n: int) -> list[Row]:
        return [row for row in self.rows if row.n == n]

    def _count_deaths(self, books: Books) -> None:
        """Everybody who was declared dead was killed, or ended, or paused past the limit."""
        for instance, (at, cause) in self.declared.items():
            label = instance.split(".")[0]
            if any(end <= at + 0.5 for end in self.ends.get(label, [])):
                books.deaths["killed or ended"] += 1
            elif any(a < at < b + SOON for a, b in self.diary.spans("SIGSTOP", "SIGCONT", label)):
                books.deaths["false: paused past the limit"] += 1
            else:
                books.deaths["false: UNEXPLAINED"] += 1
                books.wrong.append(f"{instance} was declared dead at {at:.3f} ({cause}), and nobody had touched it")

    def _look_at_poison(self, books: Books) -> None:
        numbers = {id: n for n, id in self.sent.message_ids.items()}
        held = {numbers.get(one.message_id, -1): one for one in self.held}
        books.held_innocents = [
            f"{one.message_id} ({self.sent.kinds.get(n, '?')}): {one.reason}"
            for n, one in held.items()
            if self.sent.kinds.get(n) != "poison"
        ]
        for n in sorted(n for n, kind in self.sent.kinds.items() if kind == "poison" and n in self.sent.certain):
            books.poison += 1
            starts = self.attempts.get(n, [])
            if n not in held:
                books.wrong.append(f"poison {n} is not held, after {len(starts)} starts")
                continue
            books.poison_held += 1
            self._look_at_one_poison(n, held[n], starts, books)

    def _look_at_one_poison(self, n: int, orphan: Orphan, starts: list[Attempt], books: Books) -> None:
        """Each recorded start has its death in the evidence, and exactly CAP of them are charged as crashes. Others:
        a worker that was shutting down anyway, or another suspect was aboard."""
        charged = Counter(crash.charged_as for crash in orphan.crashes)
        recorded = [one for one in starts if one.start.fence]
        beside = {**charged, "unrecorded": len(starts) - len(recorded)}
        beside.pop("crashes", None)
        also = "".join(f", {number} {name}" for name, number in sorted(beside.items()) if number)
        books.poison_starts[f"{len(starts)}{also}"] += 1
        unseen = {one.start.instance for one in recorded} - {crash.instance for crash in orphan.crashes}
        never_ran = {crash.instance for crash in orphan.crashes} - {one.start.instance for one in recorded}
        if charged["crashes"] != CAP or orphan.crash_count != CAP:
            books.wrong.append(f"poison {n} is held with {orphan.crash_count} crashes, {dict(charged)}")
        if unseen or len(recorded) > len(orphan.crashes):
            books.wrong.append(f"poison {n} started {len(starts)} times, unseen on {unseen}: {dict(charged)}")
        if never_ran and not all(self.ends.get(one.split(".")[0]) for one in never_ran):
            books.wrong.append(f"poison {n} is charged with {never_ran}, where it never ran")


def _overlap(a: float, b: float, c: float, d: float) -> float:
    return max(0.0, min(b, d) - max(a, c))
