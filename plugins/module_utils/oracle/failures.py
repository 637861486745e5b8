# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Oracle's error codes mean for a backup. Private to lockstep.backup: not a public interface.

Sources: the error references of Oracle Database and of python-oracledb.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError

CODE = re.compile(r"\b((?:ORA|EXP|IMP|LRM|UDE|UDI|TNS|DPY|DPI)-\d{4,5})\b")
LONGEST_EXCERPT = 800

CONNECTION_LOST = "oracle_connection_lost"
LISTENER_DOWN = "oracle_listener_down"
NOT_OPEN = "oracle_not_open"
DIRECTORY = "oracle_directory"
PRIVILEGES_MISSING = "oracle_privileges_missing"
OTHER = "oracle_failed"

SENTENCES: t.Mapping[str, str] = {
    "oracle_login_failed": "Oracle refused the user name or the password. Correct them; repeated attempts may lock the account.",
    "oracle_account_locked": "The Oracle account is locked. Unlock it (ALTER USER … ACCOUNT UNLOCK), and find out what locked it.",
    "oracle_password_expired": "The password of the Oracle account has expired. Set a new one.",
    "oracle_service_unknown": "The listener does not know the service. Correct the connect string, or start or register the "
    "database.",
    LISTENER_DOWN: "No Oracle listener answers at the connect string's address. Start it, or correct host, port and firewall.",
    NOT_OPEN: "The Oracle database is not open for reading and writing. Open it, or wait until its start has ended.",
    CONNECTION_LOST: "The connection to the Oracle database was lost.",
    "oracle_snapshot_too_old": "Oracle could not keep a consistent picture for as long as the export took (snapshot too old). "
    "Enlarge "
    "the undo tablespace or its retention, or export while the application is stopped.",
    "no_space": "There was no space left for the dump or the log. Make room.",
    "access_denied": "The tool may not write the dump or the log, or read its parameter file; or a folder is missing.",
    DIRECTORY: "The database server cannot use the directory object: it is missing, its path is, or the account may not read and "
    "write "
    "it. Correct the directory object or its grants, and let Oracle's operating system account write to the folder.",
    PRIVILEGES_MISSING: "The Oracle account lacks a privilege. Grant it, or let elevate grant a role for the time of the export.",
    "schema_missing": "The schema does not exist in this database.",
    "dump_missing": "The dump cannot be opened for reading.",
    "dump_truncated": "The dump ends too early, or is no dump at all.",
    OTHER: "Oracle reported an error.",
}
"""Slugs of this subject with what is wrong and what to do about it."""

SLUGS: t.Mapping[str, str] = {
    "ORA-01017": "oracle_login_failed",
    "ORA-01005": "oracle_login_failed",
    "ORA-01045": PRIVILEGES_MISSING,
    "ORA-28000": "oracle_account_locked",
    "ORA-28001": "oracle_password_expired",
    "ORA-12541": LISTENER_DOWN,
    "ORA-12170": LISTENER_DOWN,
    "ORA-12543": LISTENER_DOWN,
    "ORA-12545": LISTENER_DOWN,
    "ORA-12154": "oracle_service_unknown",
    "ORA-12505": "oracle_service_unknown",
    "ORA-12514": "oracle_service_unknown",
    "DPY-4000": "oracle_service_unknown",
    "DPY-4026": "oracle_service_unknown",
    "DPY-6001": "oracle_service_unknown",
    "DPY-6003": "oracle_service_unknown",
    "DPY-6005": LISTENER_DOWN,
    "ORA-01033": NOT_OPEN,
    "ORA-01034": NOT_OPEN,
    "ORA-01089": NOT_OPEN,
    "ORA-01109": NOT_OPEN,
    "ORA-01219": NOT_OPEN,
    "ORA-12526": NOT_OPEN,
    "ORA-12528": NOT_OPEN,
    "ORA-16000": NOT_OPEN,
    "ORA-27101": NOT_OPEN,
    "ORA-00028": CONNECTION_LOST,
    "ORA-01012": CONNECTION_LOST,
    "ORA-03113": CONNECTION_LOST,
    "ORA-03114": CONNECTION_LOST,
    "ORA-03135": CONNECTION_LOST,
    "ORA-12537": CONNECTION_LOST,
    "ORA-12547": CONNECTION_LOST,
    "ORA-12570": CONNECTION_LOST,
    "DPY-1001": CONNECTION_LOST,
    "DPY-4011": CONNECTION_LOST,
    "DPY-4024": CONNECTION_LOST,
    "ORA-01555": "oracle_snapshot_too_old",
    "ORA-22924": "oracle_snapshot_too_old",
    "EXP-00002": "no_space",
    "ORA-19502": "no_space",
    "ORA-27072": "no_space",
    "ORA-31644": "no_space",
    "ORA-39095": "no_space",
    "ORA-01652": "no_space",
    "ORA-01653": "no_space",
    "ORA-01536": "no_space",
    "ORA-01950": PRIVILEGES_MISSING,
    "ORA-29283": DIRECTORY,
    "ORA-39070": DIRECTORY,
    "ORA-39087": DIRECTORY,
    "ORA-39145": DIRECTORY,
    "ORA-31641": DIRECTORY,
    "EXP-00028": "access_denied",
    "LRM-00109": "access_denied",
    "EXP-00032": PRIVILEGES_MISSING,
    "EXP-00009": PRIVILEGES_MISSING,
    "EXP-00023": PRIVILEGES_MISSING,
    "IMP-00013": PRIVILEGES_MISSING,
    "IMP-00007": PRIVILEGES_MISSING,
    "ORA-01031": PRIVILEGES_MISSING,
    "ORA-01932": PRIVILEGES_MISSING,
    "ORA-31631": PRIVILEGES_MISSING,
    "ORA-39109": PRIVILEGES_MISSING,
    "EXP-00010": "schema_missing",
    "ORA-01917": "schema_missing",
    "ORA-01918": "schema_missing",
    "ORA-39165": "schema_missing",
    "IMP-00002": "dump_missing",
    "ORA-31640": "dump_missing",
    "IMP-00009": "dump_truncated",
    "IMP-00010": "dump_truncated",
    "IMP-00037": "dump_truncated",
    "ORA-31619": "dump_truncated",
    "ORA-39059": "dump_truncated",
    "ORA-39143": "dump_truncated",
}

# They only say that something went wrong; the codes beside them say what.
WRAPPERS = frozenset({"DPY-6005", "DPY-6000", "EXP-00056", "IMP-00058", "ORA-39002", "ORA-39001", "ORA-39006"})


def codes_in(text: str) -> list[str]:
    """The codes of the text, each once, in their order."""
    return list(dict.fromkeys(CODE.findall(text)))


def slug_for(codes: t.Sequence[str], default: str) -> str:
    """What the codes say: the first that is known, those that only wrap another one last."""
    known = [code for code in codes if code in SLUGS]
    plain = [code for code in known if code not in WRAPPERS]
    return SLUGS[(plain or known)[0]] if known else default


def scrub(text: str, secrets: t.Iterable[str | None]) -> str:
    """The text without the secrets, long ones first. Tools quote what they could not read, and that may be a password."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "********")
    return text


def database_error(text: str, where: str, default: str = OTHER) -> LockstepError:
    """The error for what a database answered. ``where`` says which account at which service. ``text`` holds no secret."""
    codes = codes_in(text)
    slug = slug_for(codes, default)
    excerpt = " ".join(text.split())[:LONGEST_EXCERPT]
    return LockstepError(slug, f"{where}: {SENTENCES[slug]} ({excerpt})", oracle_codes=codes)
