# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DBMS_LOB and BFILENAME. A CLOB in a block is a text, a BLOB a byte string; both are changed through Refs."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

from tests.lab.oracle.errors import OracleError
from tests.lab.oracle.plsql.library import Library
from tests.lab.oracle.plsql.values import Ref, Value

if t.TYPE_CHECKING:
    from tests.lab.oracle.session import Session

WHOLE = 18446744073709551615


@dataclasses.dataclass(eq=False)
class Bfile:
    """A file in a directory object, not read into the database."""

    directory: str
    name: str
    is_open: bool = False


def register(library: Library) -> None:
    library.constants("DBMS_LOB", {"FILE_READONLY": 0, "LOB_READONLY": 0, "LOBMAXSIZE": WHOLE, "DEFAULT_CSID": 0})
    library.constants("DBMS_LOB", {"DEFAULT_LANG_CTX": 0, "CALL": 12, "SESSION": 10, "WARN_INCONVERTIBLE_CHAR": 1})
    library.routine("BFILENAME", "directory filename")(lambda session, directory, filename: Bfile(directory, filename))
    library.routine("DBMS_LOB.FILEEXISTS", "file_loc")(lambda session, file_loc: int(_path(session, file_loc).is_file()))
    for name in ("FILEOPEN", "OPEN"):
        library.routine(f"DBMS_LOB.{name}", "file_loc! open_mode?")(_open)
    for name in ("FILECLOSE", "CLOSE"):
        library.routine(f"DBMS_LOB.{name}", "file_loc!")(_close)
    library.routine("DBMS_LOB.FILEISOPEN", "file_loc")(lambda session, file_loc: int(file_loc.is_open))
    library.routine("DBMS_LOB.ISOPEN", "file_loc")(lambda session, file_loc: int(getattr(file_loc, "is_open", True)))
    library.routine("DBMS_LOB.GETLENGTH", "lob_loc")(_getlength)
    library.routine("DBMS_LOB.SUBSTR", "lob_loc amount? offset?")(_substr)
    library.routine("DBMS_LOB.READ", "lob_loc amount! offset buffer!")(_read)
    library.routine("DBMS_LOB.CREATETEMPORARY", "lob_loc! cache dur?")(lambda session, lob_loc, cache, dur=10: lob_loc.set(None))
    library.routine("DBMS_LOB.FREETEMPORARY", "lob_loc!")(lambda session, lob_loc: lob_loc.set(None))
    library.routine("DBMS_LOB.APPEND", "dest_lob! src_lob")(lambda session, dest_lob, src_lob: _append(dest_lob, src_lob))
    library.routine("DBMS_LOB.WRITEAPPEND", "lob_loc! amount buffer")(
        lambda session, lob_loc, amount, buffer: _append(lob_loc, buffer[: int(amount)])
    )
    library.routine(
        "DBMS_LOB.LOADCLOBFROMFILE",
        "dest_lob! src_bfile amount dest_offset! src_offset! bfile_csid lang_context! warning!",
    )(_load_clob)
    library.routine("DBMS_LOB.LOADBLOBFROMFILE", "dest_lob! src_bfile amount dest_offset! src_offset!")(_load_blob)


def _path(session: Session, file: Bfile | None) -> pathlib.Path:
    if file is None:
        raise OracleError(6502, ": invalid LOB locator specified")
    database = session.database
    if file.directory not in database.directories or not database.may_use_directory(session.principal, file.directory, "READ"):
        raise OracleError(22285, "FILEOPEN")
    return database.resolve_path(database.host_path(file.directory, file.name))


def _open(session: Session, file_loc: Ref, open_mode: Value = 0) -> None:
    file = file_loc.get()
    if not _path(session, file).is_file():
        raise OracleError(22288, "FILEOPEN", "The system cannot find the file specified.")
    file.is_open = True


def _close(session: Session, file_loc: Ref) -> None:
    file = file_loc.get()
    if isinstance(file, Bfile):
        if not file.is_open:
            raise OracleError(22289, "FILECLOSE")
        file.is_open = False


def _content(session: Session, lob: Value, operation: str) -> t.Any:
    if not isinstance(lob, Bfile):
        return lob
    if not lob.is_open:
        raise OracleError(22289, operation)
    return _path(session, lob).read_bytes()


def _getlength(session: Session, lob_loc: Value) -> int | None:
    if isinstance(lob_loc, Bfile):
        path = _path(session, lob_loc)
        if not path.is_file():
            raise OracleError(22288, "GETLENGTH", "The system cannot find the file specified.")
        return path.stat().st_size
    return None if lob_loc is None else len(lob_loc)


def _substr(session: Session, lob_loc: Value, amount: Value = 32767, offset: Value = 1) -> t.Any:
    content = _content(session, lob_loc, "SUBSTR")
    return None if content is None else content[int(offset) - 1 : int(offset) - 1 + int(amount)] or None


def _read(session: Session, lob_loc: Value, amount: Ref, offset: Value, buffer: Ref) -> None:
    piece = _substr(session, lob_loc, amount.get(), offset)
    if not piece:
        raise OracleError(1403)
    amount.set(len(piece))
    buffer.set(piece)


def _append(destination: Ref, more: Value) -> None:
    present = destination.get()
    if more is not None:
        destination.set(more if present is None else present + more)


def _load(session: Session, src_bfile: Bfile, amount: Value, src_offset: Ref) -> bytes:
    content: bytes = _content(session, src_bfile, "LOADFROMFILE")
    start = int(src_offset.get()) - 1
    piece = content[start : start + int(amount)]
    src_offset.set(start + len(piece) + 1)
    return piece


def _load_clob(
    session: Session,
    dest_lob: Ref,
    src_bfile: Bfile,
    amount: Value,
    dest_offset: Ref,
    src_offset: Ref,
    bfile_csid: Value,
    lang_context: Ref,
    warning: Ref,
) -> None:
    text = _load(session, src_bfile, amount, src_offset).decode(errors="replace")
    _append(dest_lob, text or None)
    dest_offset.set(int(dest_offset.get()) + len(text))
    warning.set(0)


def _load_blob(session: Session, dest_lob: Ref, src_bfile: Bfile, amount: Value, dest_offset: Ref, src_offset: Ref) -> None:
    data = _load(session, src_bfile, amount, src_offset)
    _append(dest_lob, data or None)
    dest_offset.set(int(dest_offset.get()) + len(data))
