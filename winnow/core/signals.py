"""Ctrl-C and SIGTERM end a command with one sentence, wherever they come.

The first of them raises KeyboardInterrupt in the main thread, as Python does by itself.
Libraries may swallow that or turn it into an error of theirs, so that it is noted here,
and raised again where the command goes on.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

_SENTENCES = {
    signal.SIGINT: "Stopped by Ctrl-C",
    signal.SIGTERM: "Stopped by SIGTERM",
}
_ONE_PRESS = 1.0
"""Seconds in which a signal that comes again is the same one, sent by two senders."""

_PATIENCE = 10.0
"""Seconds after which a command that goes on is interrupted again."""

_ATTEMPTS = 6


class _Stop:
    """The signal that came, and when; one for the process."""

    signal: int | None = None
    at = 0.0
    is_again = False


def install() -> None:
    """Let SIGINT and SIGTERM end this process in the way that is said above. Does
    nothing in a thread other than the main one.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in _SENTENCES:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    sys.unraisablehook = _silenced(sys.unraisablehook)
    threading.excepthook = _silenced(threading.excepthook)


def is_stopped() -> bool:
    """Whether a signal has come."""
    return _Stop.signal is not None


def raise_if_stopped() -> None:
    """Raise KeyboardInterrupt where a signal has come, in case it was swallowed."""
    if is_stopped():
        raise KeyboardInterrupt


def interrupt_again() -> None:
    """Where a signal has come, raise KeyboardInterrupt in the main thread once more; to
    be called by threads that see the work go on.
    """
    main = threading.main_thread().ident
    if is_stopped() and main is not None:
        _Stop.is_again = True
        # A real signal, which also ends what the thread waits for.
        signal.pthread_kill(main, signal.SIGINT)


def end() -> NoReturn:
    """End the process: a sentence, and the exit status of the signal, 130 or 143.

    At once, so that no thread of a library can hold it up. What Winnow writes is safe
    against that, as it is against a kill.
    """
    number = _Stop.signal or signal.SIGINT
    said = _SENTENCES[signal.Signals(number)]
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    _say(f"winnow: {said}; nothing is left half done, and the command can run again.\n")
    os._exit(128 + number)


def _stop(number: int, _frame: FrameType | None) -> None:
    if _Stop.is_again:
        _Stop.is_again = False
    elif _Stop.signal is None:
        _Stop.signal, _Stop.at = number, time.monotonic()
        threading.Thread(target=_insist, daemon=True).start()
    elif time.monotonic() - _Stop.at < _ONE_PRESS:
        return
    else:
        end()
    raise KeyboardInterrupt


def _insist() -> None:
    """Interrupt a command that goes on again and again, and end it in the end."""
    for _ in range(_ATTEMPTS):
        time.sleep(_PATIENCE)
        interrupt_again()
    end()


def _say(text: str) -> None:
    with suppress(OSError):
        os.write(2, text.encode())


def _silenced(hook: Callable[[Any], object]) -> Callable[[Any], None]:
    """A hook for errors that nobody can catch. Once a signal has come, they are what
    came of it: instead of them, the command is interrupted again.
    """

    def told(what: Any) -> None:
        if is_stopped():
            # Within the hook, what is raised would be lost once more.
            threading.Timer(0.05, interrupt_again).start()
        else:
            hook(what)

    return told
