# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: of accounts, services, files, jobs. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import hashlib
import re

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError

LONGEST_IDENTIFIER = 128
SIMPLE_IDENTIFIER = re.compile(r"[A-Z][A-Z0-9_$#]*\Z")
SERVICE_IN_DESCRIPTOR = re.compile(r"\(\s*(?:SERVICE_NAME|SID)\s*=\s*([^)\s]+)\s*\)", re.IGNORECASE)
PROTOCOL = re.compile(r"\A(?:[a-z]+:)?//", re.IGNORECASE)
SERVICE_IN_EASY_CONNECT = re.compile(r"\A[^/?\s]+/([^/:?\s]+)")
EASY_CONNECT = re.compile(r"[^/(\s:]+(?::\d+)?/[^/\s]+\Z")


def identifier(name: str) -> str:
    """The name as the dictionary holds it: upper case, unless it is given in double quotes. Slug ``option_invalid``."""
    bare = name[1:-1] if len(name) > 2 and name[0] == name[-1] == '"' else name.upper()
    if not bare or len(bare) > LONGEST_IDENTIFIER or '"' in bare or not bare.isprintable():
        raise LockstepError("option_invalid", f"{name!r} is no name of an Oracle account, schema or directory. Correct it.")
    return bare


def quoted(name: str) -> str:
    """For SQL text: the dictionary's name in double quotes, so that nothing in it is taken for SQL."""
    return f'"{identifier(chr(34) + name + chr(34))}"'


def is_simple(name: str) -> bool:
    """Whether tools take the dictionary's name as it is, without quotes."""
    return SIMPLE_IDENTIFIER.match(name) is not None


def service_of(dsn: str) -> str:
    """The service (or SID) that a connect string names; the whole string where it is an alias."""
    for pattern in (SERVICE_IN_DESCRIPTOR, SERVICE_IN_EASY_CONNECT):
        found = pattern.search(PROTOCOL.sub("", dsn))
        if found:
            return found.group(1)
    return dsn


def net_service_of(dsn: str) -> str:
    """The driver's connect string as ``exp`` and ``imp`` need it: Easy Connect gets its leading slashes."""
    return f"//{dsn}" if EASY_CONNECT.match(dsn) else dsn


def file_safe(text: str) -> str:
    """A file name of letters, digits and ``._-``; different texts give different names, also where case does not count."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", text).lstrip(".")[:60]
    if safe and safe == text == text.upper():
        return safe
    return f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def datapump_job(operation: str, schema: str, set_id: str) -> str:
    """The same for the same set, so that a later run finds its job again. At most 30 characters, for servers before 12.2."""
    digest = hashlib.sha256(f"{operation}\0{schema}\0{set_id}".encode()).hexdigest()
    return f"LOCKSTEP_{operation}_{digest[:12]}".upper()
