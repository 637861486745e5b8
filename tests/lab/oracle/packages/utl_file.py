# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""UTL_FILE: files in directory objects."""

from __future__ import annotations

import dataclasses
import io
import pathlib
import typing as t

from tests.lab.oracle.errors import OracleError
from tests.lab.oracle.plsql.library import Library
from tests.lab.oracle.plsql.values import Ref, Value

if t.TYPE_CHECKING:
    from tests.lab.oracle.session import Session

BLOCK_SIZE = 4096
DEFAULT_LINE = 1024
LONGEST_LINE = 32767


@dataclasses.dataclass(eq=False)
class FileHandle:
    """Closed when ``stream`` is None."""

    stream: t.BinaryIO | None
    mode: str
    longest_line: int

    def opened(self, *modes: str) -> t.BinaryIO:
        if self.stream is None:
            raise OracleError(29282)
        if self.mode[0] not in modes:
            raise OracleError(29283, ": wrong mode")
        return self.stream

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()
            self.stream = None


def register(library: Library) -> None:
    library.exceptions(
        "UTL_FILE",
        {
            "INVALID_PATH": 29280,
            "INVALID_MODE": 29281,
            "INVALID_FILEHANDLE": 29282,
            "INVALID_OPERATION": 29283,
            "READ_ERROR": 29284,
            "WRITE_ERROR": 29285,
            "INVALID_FILENAME": 29288,
            "ACCESS_DENIED": 29289,
            "DELETE_FAILED": 29291,
            "RENAME_FAILED": 29292,
        },
    )
    library.routine("UTL_FILE.FOPEN", "location filename open_mode max_linesize?")(_fopen)
    library.routine("UTL_FILE.FOPEN_NCHAR", "location filename open_mode max_linesize?")(_fopen)
    library.routine("UTL_FILE.IS_OPEN", "file")(lambda session, file: file is not None and file.stream is not None)
    library.routine("UTL_FILE.FCLOSE", "file!")(_fclose)
    library.routine("UTL_FILE.FCLOSE_ALL")(lambda session: session.close_files())
    library.routine("UTL_FILE.GET_LINE", "file buffer! len?")(_get_line)
    library.routine("UTL_FILE.GET_LINE_NCHAR", "file buffer! len?")(_get_line)
    library.routine("UTL_FILE.GET_RAW", "file buffer! len?")(_get_raw)
    library.routine("UTL_FILE.FSEEK", "file absolute_offset? relative_offset?")(_fseek)
    library.routine("UTL_FILE.PUT_LINE", "file buffer autoflush?")(
        lambda session, file, buffer, autoflush=False: _put(file, (buffer or "") + "\n")
    )
    library.routine("UTL_FILE.PUT", "file buffer")(lambda session, file, buffer: _put(file, buffer or ""))
    library.routine("UTL_FILE.NEW_LINE", "file lines?")(lambda session, file, lines=1: _put(file, "\n" * int(lines)))
    library.routine("UTL_FILE.FFLUSH", "file")(lambda session, file: file.opened("W", "A").flush())
    library.routine("UTL_FILE.FREMOVE", "location filename")(_fremove)
    library.routine("UTL_FILE.FRENAME", "src_location src_filename dest_location dest_filename overwrite?")(_frename)
    library.routine("UTL_FILE.FGETATTR", "location filename fexists! file_length! block_size!")(_fgetattr)


def located(session: Session, location: Value, filename: Value, privilege: str) -> pathlib.Path:
    """The real path. The directory object's name counts as it is written; what may not be used looks as if it were not there."""
    database = session.database
    if not location or not database.may_use_directory(session.principal, location, privilege):
        raise OracleError(29280)
    if not filename or "/" in filename or "\\" in filename:
        raise OracleError(29288)
    return database.resolve_path(database.host_path(location, filename))


def _fopen(session: Session, location: Value, filename: Value, open_mode: Value, max_linesize: Value = DEFAULT_LINE) -> FileHandle:
    mode = str(open_mode or "").upper()
    if mode not in ("R", "W", "A", "RB", "WB", "AB"):
        raise OracleError(29281)
    path = located(session, location, filename, "READ" if mode[0] == "R" else "WRITE")
    try:
        stream = path.open({"R": "rb", "W": "wb", "A": "ab"}[mode[0]])
    except OSError as error:
        raise OracleError(29283, ": cannot open file [29435]") from error
    handle = FileHandle(t.cast(t.BinaryIO, stream), mode, int(max_linesize))
    session.files.append(handle)
    return handle


def _fclose(session: Session, file: Ref) -> None:
    handle = file.get()
    if handle is None or handle.stream is None:
        raise OracleError(29282)
    handle.close()


def _get_line(session: Session, file: FileHandle | None, buffer: Ref, len_: Value = None) -> None:
    if file is None:
        raise OracleError(29282)
    line = file.opened("R").readline()
    if not line:
        raise OracleError(1403)
    text = line.rstrip(b"\r\n")
    longest = file.longest_line if len_ is None else int(len_)
    if text[longest:]:
        raise OracleError(29284)
    buffer.set(text.decode(errors="replace") or None)


def _get_raw(session: Session, file: FileHandle | None, buffer: Ref, len_: Value = None) -> None:
    if file is None:
        raise OracleError(29282)
    data = file.opened("R").read(LONGEST_LINE if len_ is None else int(len_))
    if not data:
        raise OracleError(1403)
    buffer.set(data)


def _fseek(session: Session, file: FileHandle, absolute_offset: Value = None, relative_offset: Value = None) -> None:
    stream = file.opened("R")
    if absolute_offset is not None:
        stream.seek(int(absolute_offset))
    if relative_offset is not None:
        stream.seek(int(relative_offset), io.SEEK_CUR)


def _put(file: FileHandle | None, text: str) -> None:
    if file is None:
        raise OracleError(29282)
    file.opened("W", "A").write(text.encode())


def _fremove(session: Session, location: Value, filename: Value) -> None:
    path = located(session, location, filename, "WRITE")
    try:
        path.unlink()
    except OSError as error:
        raise OracleError(29283, ": nonexistent file or path [29434]") from error


def _frename(
    session: Session, src_location: Value, src_filename: Value, dest_location: Value, dest_filename: Value, overwrite: Value = False
) -> None:
    source = located(session, src_location, src_filename, "WRITE")
    target = located(session, dest_location, dest_filename, "WRITE")
    if not source.exists() or (target.exists() and not overwrite):
        raise OracleError(29292)
    source.replace(target)


def _fgetattr(session: Session, location: Value, filename: Value, fexists: Ref, file_length: Ref, block_size: Ref) -> None:
    path = located(session, location, filename, "READ")
    exists = path.is_file()
    fexists.set(exists)
    file_length.set(path.stat().st_size if exists else None)
    block_size.set(BLOCK_SIZE if exists else None)
