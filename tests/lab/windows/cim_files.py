# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CIM_DataFile and Win32_Directory: files and folders without starting a program."""

from __future__ import annotations

import ntpath
import typing as t

from tests.lab.windows import errors
from tests.lab.windows.cim import Call, CimClass, Constraints, FullScan, Instance, Method
from tests.lab.windows.errors import WinError
from tests.lab.windows.machine import Machine

# Return codes of CIM_LogicalFile's methods.
_CODES: t.Mapping[int, int] = {
    errors.ACCESS_DENIED: 2,
    errors.FILE_NOT_FOUND: 9,
    errors.PATH_NOT_FOUND: 9,
    errors.INVALID_NAME: 9,
    errors.BAD_NETWORK_PATH: 9,
    errors.ALREADY_EXISTS: 10,
    errors.DIRECTORY_NOT_EMPTY: 14,
    errors.SHARING_VIOLATION: 15,
}


def _instance(machine: Machine, path: str) -> Instance:
    drive, tail = ntpath.splitdrive(path)
    folder, name = ntpath.split(tail)
    stem, extension = ntpath.splitext(name)
    is_dir = machine.files.is_dir(path)
    modified = machine.files.modified(path)
    # The file provider of WMI gives all names in lower case, whatever the disk has.
    instance: Instance = {
        "Caption": path.lower(),
        "Drive": drive.lower(),
        "Extension": extension[1:].lower(),
        "FileName": stem.lower(),
        "LastModified": modified,
        "Name": path.lower(),
        "Path": folder.lower() if folder.endswith("\\") else folder.lower() + "\\",
    }
    if not is_dir:
        instance["FileSize"] = machine.files.size(path)
        instance["Version"] = machine.file_versions.get(path.lower())
    return instance


def _finder(folders: bool) -> t.Callable[[Machine, Constraints], t.Iterator[Instance]]:
    def find(machine: Machine, constraints: Constraints) -> t.Iterator[Instance]:
        files = machine.files
        wanted = files.is_dir if folders else files.is_file
        if "name" in constraints:
            path = ntpath.normpath(constraints["name"])
            if ntpath.isabs(path) and wanted(path):
                yield _instance(machine, path)
            return
        if "drive" not in constraints or "path" not in constraints:
            raise FullScan
        folder = constraints["drive"] + constraints["path"]
        if not folder.endswith("\\") or not files.is_dir(folder):
            return
        for name in files.names(folder):
            path = ntpath.join(folder, name)
            if wanted(path):
                yield _instance(machine, path)

    return find


def _path(call: Call) -> str:
    assert call.instance is not None
    return str(call.instance["Name"])


def _answer(change: t.Callable[[], None]) -> dict[str, t.Any]:
    try:
        change()
    except WinError as error:
        return {"ReturnValue": _CODES.get(error.code, 8)}
    return {"ReturnValue": 0}


def _rename(call: Call) -> dict[str, t.Any]:
    if not call.user.admin:
        return {"ReturnValue": 2}
    target = call.argument("FileName")
    if not ntpath.isabs(target) or not ntpath.splitdrive(target)[0]:
        return {"ReturnValue": 21}
    return _answer(lambda: call.machine.files.rename(_path(call), target))


def _delete(call: Call) -> dict[str, t.Any]:
    if not call.user.admin:
        return {"ReturnValue": 2}
    files, path = call.machine.files, _path(call)
    if files.is_dir(path):
        return _answer(lambda: files.remove_folder(path, recursive=True))
    return _answer(lambda: files.remove_file(path))


def _copy(call: Call) -> dict[str, t.Any]:
    target = call.argument("FileName")
    if call.machine.files.exists(target):
        return {"ReturnValue": 10}
    return _answer(lambda: call.machine.files.copy(_path(call), target))


_METHODS = {"Rename": Method(_rename, parameters=("FileName",)), "Delete": Method(_delete)}

FILE_CLASSES: tuple[CimClass, ...] = (
    CimClass("CIM_DataFile", ("Name",), _finder(folders=False), {**_METHODS, "Copy": Method(_copy, parameters=("FileName",))}),
    CimClass("Win32_Directory", ("Name",), _finder(folders=True), _METHODS),
    CimClass("CIM_Directory", ("Name",), _finder(folders=True), _METHODS),
)
