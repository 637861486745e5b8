# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that anybody could read during and after a run, and a search in it for secrets in any spelling."""

from __future__ import annotations

import base64
import collections.abc
import contextlib
import html
import json
import pathlib
import urllib.parse

import pytest

from tests.integration.killing import Run, children_of
from tests.lab.lab import Lab
from tests.lab.windows.files import FileTree, OpenFile

Place = tuple[str, bytes]
"""Where something was found, and its content."""


def spellings(secret: str) -> dict[str, bytes]:
    """The forms in which a secret gets into files and command lines, by name."""
    plain = secret.encode()
    found = {
        "plain": plain,
        "UTF-16": secret.encode("utf-16-le"),
        "UTF-16 BE": secret.encode("utf-16-be"),
        "URL": urllib.parse.quote(secret, safe="").encode(),
        "URL form": urllib.parse.quote_plus(secret, safe="").encode(),
        "URL path": urllib.parse.quote(secret).encode(),
        "doubled per cent": secret.replace("%", "%%").encode(),
        "carets": "".join(f"^{letter}" if letter in "&|<>^()%" else letter for letter in secret).encode(),
        "hex": plain.hex().encode(),
        "HEX": plain.hex().upper().encode(),
        "XML": html.escape(secret, quote=False).encode(),
        "XML quoted": html.escape(secret).encode(),
        "JSON": json.dumps(secret)[1:-1].encode(),
        "repr": repr(secret)[1:-1].encode(),
    }
    for name, content in (("base64", plain), ("base64 of UTF-16", secret.encode("utf-16-le"))):
        for offset in range(3):
            encoded = base64.b64encode(bytes(offset) + content)
            # Letters that also depend on what stands before and after are left out.
            first, last = (0, 2, 3)[offset], len(content) + offset
            found[f"{name} + {offset}"] = encoded[first : last * 8 // 6]
    return found


def search(secrets: collections.abc.Mapping[str, str], places: collections.abc.Iterable[Place]) -> list[str]:
    """``secret as spelling in place`` for each find."""
    wanted = [(name, how, spelt) for name, secret in secrets.items() for how, spelt in spellings(secret).items()]
    return [f"{name} as {how} in {where}" for where, content in places for name, how, spelt in wanted if spelt in content]


class Watch:
    """Of one run: what it wrote, on the hosts and in ansible's own folder, and the processes that it had on the control node."""

    def __init__(self, lab: Lab, monkeypatch: pytest.MonkeyPatch, temporary: pathlib.Path) -> None:
        self.lab, self.temporary = lab, temporary
        self.written: list[Place] = []
        self.private: list[Place] = []
        self.readable: list[str] = []
        self.samples: dict[str, bytes] = {}
        write = OpenFile.write

        def record(file: OpenFile, data: bytes) -> int:
            self._note_written(file._tree, file._path, bytes(data))
            return write(file, data)

        monkeypatch.setattr(OpenFile, "write", record)

    def _note_written(self, tree: FileTree, path: str, content: bytes) -> None:
        """Parameter files hold the password as long as the tool needs it, and belong to nobody else. All others hold none."""
        if path.lower().endswith((".par", ".par.tmp")):
            self.private.append((path, content))
            if "/inheritance:r" not in tree.permissions.get(tree.key(path), []):
                self.readable.append(f"{path} was written while everybody could read it")
        else:
            self.written.append((f"{tree.root.name}: {path}, as it was written", content))

    def environment(self) -> dict[str, str]:
        """For the playbook: its temporary files and its log come to where they are looked for."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        folder = str(self.temporary)
        return {"TMPDIR": folder, "ANSIBLE_LOCAL_TEMP": folder, "ANSIBLE_HOME": folder, "ANSIBLE_LOG_PATH": f"{folder}/ansible.log"}

    def look(self, run: Run) -> None:
        """At its processes and its temporary files, as they are at this moment."""
        self._look_at_processes(run.process.pid)
        self._look_at_files()

    def _look_at_processes(self, pid: int) -> None:
        for one in [pid, *children_of(pid)]:
            for kind in ("cmdline", "environ"):
                with contextlib.suppress(OSError):
                    self.samples[f"{kind} of process {one} of the control node"] = pathlib.Path(f"/proc/{one}/{kind}").read_bytes()
            for child in children_of(one) if one != pid else ():
                self._look_at_processes(child)

    def _look_at_files(self) -> None:
        for path in self.temporary.rglob("*"):
            with contextlib.suppress(OSError):
                if path.is_file():
                    self.samples[f"{path.relative_to(self.temporary)} in ansible's folder"] = path.read_bytes()

    def places(self, run: Run) -> collections.abc.Iterator[Place]:
        """All of it, after the run."""
        self._look_at_files()
        yield "the output", run.output.encode()
        yield "the results", run.trace.read_bytes() if run.trace.exists() else b""
        yield from self.samples.items()
        yield from self.written
        yield from places_of(self.lab)


def places_of(lab: Lab) -> collections.abc.Iterator[Place]:
    """The disks of all hosts, what ran there, and what was asked of them and of their databases."""
    for host in lab.hosts.values():
        disk = lab.root / host.name
        for path in disk.rglob("*"):
            if path.is_file():
                yield f"{host.name}: {path.relative_to(disk)}", path.read_bytes()
        for task in host.machine.tasks.all():
            yield f"{host.name}: task {task.name}", task.definition.xml.encode()
        if host.database is not None:
            for number, executed in enumerate(host.database.history):
                yield f"{host.name}: statement {number}", "\0".join([executed.text, *executed.binds]).encode()
    for started in lab.process_history:
        environment = "\0".join(f"{name}={value}" for name, value in started.environment.items())
        yield f"{started.host}: process {started.pid}", f"{started.command_line}\0{environment}".encode()
    for request in lab.requests:
        yield f"{request.host}: request {request.index}", request.text.encode()
