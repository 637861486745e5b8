# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the simulated database says no."""

from __future__ import annotations

MESSAGES = {
    28: "your session has been killed",
    54: "resource busy and acquire with NOWAIT specified or timeout expired",
    900: "invalid SQL statement",
    904: "{0}: invalid identifier",
    942: "table or view does not exist",
    955: "name is already used by an existing object",
    1013: "user requested cancel of current operation",
    1017: "invalid username/password; logon denied",
    1031: "insufficient privileges",
    1033: "ORACLE initialization or shutdown in progress",
    1109: "database not open",
    1219: "database or pluggable database not open: queries allowed on fixed tables or views only",
    1403: "no data found",
    1422: "exact fetch returns more than requested number of rows",
    1435: "user does not exist",
    1476: "divisor is equal to zero",
    1555: 'snapshot too old: rollback segment number 5 with name "_SYSSMU5_1738828719$" too small',
    1722: "invalid number",
    1917: "user or role '{0}' does not exist",
    1918: "user '{0}' does not exist",
    1919: "role '{0}' does not exist",
    1920: "user name '{0}' conflicts with another user or role name",
    1922: "CASCADE must be specified to drop '{0}'",
    1924: "role '{0}' not granted or does not exist",
    1932: "ADMIN option not granted for role '{0}'",
    1950: "no privileges on tablespace '{0}'",
    1951: "ROLE '{0}' not granted to '{1}'",
    1952: "system privileges not granted to '{0}'",
    1927: "cannot REVOKE privileges you did not grant",
    4042: "procedure, function, package, or package body does not exist",
    4043: "object {0} does not exist",
    6502: "PL/SQL: numeric or value error{0}",
    6503: "PL/SQL: Function returned without value",
    6530: "Reference to uninitialized composite",
    6531: "Reference to uninitialized collection",
    6533: "Subscript beyond count",
    6592: "CASE not found while executing CASE statement",
    1008: "not all variables bound",
    12505: "TNS:listener does not currently know of SID given in connect descriptor",
    12514: "TNS:listener does not currently know of service requested in connect descriptor",
    16000: "database or pluggable database open for read-only access",
    22285: "non-existent directory or file for {0} operation",
    22288: "file or LOB operation {0} failed\n{1}",
    22289: "cannot perform {0} operation on an unopened file or LOB",
    27037: "unable to obtain file status",
    27038: "created file already exists",
    27040: "file create error, unable to create file",
    27072: "File I/O error",
    28000: "The account is locked.",
    28001: "the password has expired",
    28009: "connection as SYS should be as SYSDBA or SYSOPER",
    29280: "invalid directory path",
    29281: "invalid mode",
    29282: "invalid file ID",
    29283: "invalid file operation{0}",
    29284: "file read error",
    29285: "file write error",
    29288: "invalid file name",
    29289: "directory access denied",
    29291: "file remove operation failed",
    29292: "file rename operation failed",
    31619: 'invalid dump file "{0}"',
    31623: "a job is not attached to this session via the specified handle",
    31626: "job does not exist",
    31627: "API call succeeded but more information is available",
    31631: "privileges are required",
    31633: 'unable to create master table "{0}"',
    31634: "job already exists",
    31640: 'unable to open dump file "{0}" for read',
    31641: 'unable to create dump file "{0}"',
    39000: "bad dump file specification",
    39001: "invalid argument value",
    39002: "invalid operation",
    39004: "invalid state",
    39005: "inconsistent arguments",
    39006: "internal error",
    39049: "invalid parameter name {0}",
    39059: "dump file set is incomplete",
    39070: "Unable to open the log file.",
    39087: "directory name {0} is invalid",
    39094: "Parallel execution not supported in this database edition.",
    31684: 'Object type USER:"{}" already exists',
    39161: "Full database jobs require privileges",
    39109: "Unprivileged users may not operate upon other users' schemas",
    39142: 'incompatible version number 4.1 in dump file "{0}"',
    39143: 'dump file "{0}" may be an original export dump file',
    39165: "Schema {0} was not found.",
    39166: "Object {0} was not found or could not be exported or imported.",
    39211: "unable to retrieve dumpfile information as specified",
    65011: "Pluggable database {0} does not exist.",
}


class OracleError(Exception):
    """One ORA- error, with the errors below it on the stack. ``str()`` is the text that a client gets."""

    def __init__(self, code: int, *arguments: object, text: str | None = None, causes: tuple[OracleError, ...] = ()) -> None:
        self.code = code
        self.causes = causes
        words = MESSAGES[code].format(*arguments, *[""] * 3) if text is None else text
        self.line = f"ORA-{code:05d}: {words}"
        super().__init__("\n".join([self.line, *map(str, causes)]))


class UnknownRequest(Exception):
    """The lab does not know this request. It must be recorded and answered loudly; PL/SQL handlers never catch it."""
