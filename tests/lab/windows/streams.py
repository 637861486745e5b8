# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a simulated program reads from and writes to."""

from __future__ import annotations

import threading
import typing as t

from tests.lab.windows.files import OpenFile


class Output(t.Protocol):
    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class Input(t.Protocol):
    def read(self, cancelled: t.Callable[[], bool]) -> bytes:
        """Everything up to the end; what there is when cancelled."""


class NullOutput:
    def write(self, data: bytes) -> None:
        return

    def close(self) -> None:
        return


class BufferOutput:
    """Keeps what is written, and tells a listener."""

    def __init__(self, on_write: t.Callable[[], None] = lambda: None) -> None:
        self._data = bytearray()
        self._lock = threading.Lock()
        self._on_write = on_write

    def write(self, data: bytes) -> None:
        with self._lock:
            self._data += data
        self._on_write()

    def take(self, limit: int | None = None) -> bytes:
        """What was written and not taken yet, at most ``limit`` bytes."""
        with self._lock:
            taken = bytes(self._data[:limit])
            del self._data[: len(taken)]
            return taken

    def close(self) -> None:
        return


class FileOutput:
    """A redirection into a file."""

    def __init__(self, target: OpenFile) -> None:
        self._target = target

    def write(self, data: bytes) -> None:
        if not self._target.closed:
            self._target.write(data)

    def close(self) -> None:
        self._target.close()


class BytesInput:
    """Input that is complete: a file, or nothing."""

    def __init__(self, content: bytes = b"") -> None:
        self._content = content

    def read(self, cancelled: t.Callable[[], bool]) -> bytes:
        taken, self._content = self._content, b""
        return taken


class PipeInput:
    """Input that arrives in pieces until its end is declared."""

    def __init__(self) -> None:
        self._content = bytearray()
        self._ended = False
        self._changed = threading.Condition()

    def feed(self, content: bytes, end: bool) -> None:
        with self._changed:
            self._content += content
            self._ended = self._ended or end
            self._changed.notify_all()

    def read(self, cancelled: t.Callable[[], bool]) -> bytes:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or cancelled())
            taken = bytes(self._content)
            self._content.clear()
            return taken
