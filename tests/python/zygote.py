"""A process that has imported everything, and forks one for each call: what starting
Python and importing dlt cost is paid once, so that hundreds of processes can be killed.

A line of its input is JSON: the module and function to call, arguments, and at which of
the system's calls to kill the process (null: not at all). A line of its output is JSON:
how the process ended, how many calls of the system it made, and what it said.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

CALLS = {
    "os": ("link", "replace", "rename", "unlink", "fsync", "mkdir", "rmdir", "open"),
    "winnow.load.take_in": ("_Following._begin", "_Following._mark", "_remove_torn"),
    "dlt.destinations.impl.duckdb.duck": ("DuckDbCopyJob.run",),
    "dlt.destinations.job_client_impl": ("SqlJobClientBase.complete_load",),
}
"""What is counted, and what a process can be killed before or after."""


class Zygote:
    """The process, from outside."""

    def __init__(self, environment: dict[str, str]) -> None:
        """Start it, with these variables beside the present ones."""
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | environment,
            cwd=Path(__file__).parents[2],
            text=True,
        )

    def __enter__(self) -> Zygote:
        """Nothing is waited for."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def send(self, function: str, *arguments: Any, kill_at: int | None = None) -> None:
        """Begin a call; ``function`` is ``module:name``."""
        assert self._process.stdin is not None
        said = {"function": function, "arguments": arguments, "kill_at": kill_at}
        self._process.stdin.write(json.dumps(said) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """How the call that was begun first ended: ``killed``, ``calls``, ``result``,
        ``error``.
        """
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def call(
        self, function: str, *arguments: Any, kill_at: int | None = None
    ) -> dict[str, Any]:
        """Begin a call and wait for its end."""
        self.send(function, *arguments, kill_at=kill_at)
        return self.answer()


def _count(kill_at: int | None) -> list[int]:
    """Count the calls; kill this process before or after the one that is meant."""
    done = [0]

    def counted(original: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            done[0] += 1
            if done[0] == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            result = original(*arguments, **options)
            done[0] += 1
            if done[0] == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    for module, places in CALLS.items():
        for place in places:
            owner: Any = importlib.import_module(module)
            *classes, name = place.split(".")
            for one in classes:
                owner = getattr(owner, one)
            setattr(owner, name, counted(getattr(owner, name)))
    return done


def _child(asked: dict[str, Any], pipe: int) -> None:
    done = _count(asked["kill_at"])
    answer: dict[str, Any] = {"killed": False, "result": None, "error": None}
    try:
        module, _, name = asked["function"].partition(":")
        answer["result"] = getattr(importlib.import_module(module), name)(
            *asked["arguments"]
        )
    except BaseException as error:
        answer["error"] = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
    os.write(pipe, json.dumps(answer | {"calls": done[0]}).encode())
    os._exit(0)


def main() -> None:
    """Fork for every line."""
    sys.path.insert(0, str(Path(__file__).parent))
    loads = ("winnow.load.pipeline", "winnow.load.loads")
    for module in ("dlt", "duckdb", *loads, *CALLS):
        importlib.import_module(module)
    for line in sys.stdin:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            _child(json.loads(line), writer)
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            said = file.read()
        _, status = os.waitpid(child, 0)
        killed = {"killed": True, "calls": 0, "result": None, "error": None}
        answer = killed if os.WIFSIGNALED(status) else json.loads(said)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
