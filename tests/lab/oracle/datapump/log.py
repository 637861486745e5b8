# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a Data Pump job, in memory for GET_STATUS and in its file."""

from __future__ import annotations

import pathlib
import typing as t

from tests.lab.oracle.errors import OracleError

if t.TYPE_CHECKING:
    from tests.lab.oracle.database import Database
    from tests.lab.oracle.datapump.job import FileSpec


class JobLog:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.lines: list[str] = []
        self.has_times = False
        self._path: pathlib.Path | None = None
        self._line_end = "\n"

    def open(self, spec: FileSpec) -> None:
        """Replace the file. ORA-39070 with ORA-29283 where that cannot be done."""
        host_path = self.database.host_path(spec.directory, spec.name)
        self._line_end = "\r\n" if "\\" in host_path else "\n"
        path = self.database.resolve_path(host_path)
        try:
            if "no_space_for_log" in self.database.faults:
                raise OSError
            path.write_bytes(b"")
        except OSError as error:
            invalid = OracleError(29283, ": cannot open file [29435]")
            raise OracleError(39002, causes=(OracleError(39070, causes=(invalid,)),)) from error
        self._path = path

    def add(self, line: str) -> None:
        """The file must still be there: a folder that vanished ends the log, not the server."""
        self.lines.append(line)
        if self._path is not None and self._path.parent.is_dir():
            prefix = ""
            if self.has_times:
                now = self.database.clock.now()
                prefix = now.strftime("%d-%b-%y %H:%M:%S.").upper() + f"{now.microsecond // 1000:03d}: "
            with self._path.open("a", encoding="utf-8", newline="") as target:
                target.write(prefix + line + self._line_end)

    def close(self) -> None:
        self._path = None
