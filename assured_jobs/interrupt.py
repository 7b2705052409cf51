"""Interrupting a job whose worker was declared dead: while its thread is inside the actor, and nowhere else.

Dramatiq raises an exception in a running thread for its time limits; the same means serves here. An exception that hit
one of Dramatiq's hooks, or its handling of the job's own error, would end the worker thread for good: so the window is
open only between our two hooks, and what is still pending when it closes is taken back.
"""

from __future__ import annotations

import ctypes
import sys
import threading

import dramatiq
from dramatiq.threading import is_gevent_active, raise_thread_exception

from .refusals import OwnershipLost

_IN_ACTOR = dramatiq.Actor.__call__.__code__

#: Nobody holds a window for longer than a few instructions, in seconds.
_PATIENCE = 1.0


class Window:
    """One start's: opened and closed by the thread that runs it, used by any other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: int | None = None
        #: Whether the job was interrupted: whatever it made of that, it has not done its work.
        self.used = False

    def open(self) -> None:
        """From here on this thread may be interrupted, once it is inside the actor."""
        self._thread = threading.get_ident()

    def close(self) -> None:
        """From here on it may not. An interrupt that was on its way is taken back: the job has ended by itself."""
        while True:
            try:
                with self._lock:
                    self._thread = None
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(threading.get_ident()), None)
            except OwnershipLost:
                continue
            return

    def interrupt(self) -> bool:
        """Raises OwnershipLost in the job at its next bytecode, once. False where it is not inside its actor.

        An async actor is cancelled: Dramatiq waits in that thread for its future.
        """
        if is_gevent_active() or not self._lock.acquire(timeout=_PATIENCE):
            return False
        try:
            if self.used or self._thread is None or not _is_inside_actor(self._thread):
                return False
            raise_thread_exception(self._thread, OwnershipLost)
            self.used = True
            return True
        finally:
            self._lock.release()


def _is_inside_actor(thread: int) -> bool:
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - there is no other way to ask
    while frame is not None:
        if frame.f_code is _IN_ACTOR:
            return True
        frame = frame.f_back
    return False
