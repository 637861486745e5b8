# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a parameter file for ``exp`` and ``imp``. Private to lockstep.backup: not a public interface.

A value in double quotes is taken literally, also blanks, ``#``, ``@``, ``/``, ``,`` and brackets. There is no way to write a
double quote inside one; Oracle's passwords cannot contain it either.
"""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.names import is_simple

UNICODE_CHARSETS = frozenset({"AL32UTF8", "UTF8"})
# What the module decides itself: another value would make its checks meaningless.
RESERVED = frozenset({"userid", "owner", "fromuser", "touser", "full", "tables", "file", "log", "parfile", "help", "consistent"})
PLAIN_VALUE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$")


def quote(value: str, what: str) -> str:
    """In double quotes; slug ``option_invalid`` where the file's syntax has no way to say it. The value is not in the error."""
    if '"' in value or not all(character == "\t" or character.isprintable() for character in value):
        raise LockstepError(
            "option_invalid",
            f"{what} has a double quote or a control character, which a parameter file of exp and imp cannot hold. Change it.",
        )
    return f'"{value}"'


def userid(user: str | None, password: str | None, wallet_alias: str | None, net_service: str) -> str:
    """The login, with the password always in quotes: it may hold ``@``, ``/``, ``#`` and blanks."""
    if wallet_alias is not None:
        return f"/@{wallet_alias}"
    name = str(user) if is_simple(str(user)) else quote(str(user), "The user name")
    return f"{name}/{quote(str(password), 'The password')}@{net_service}"


def export_parameters(
    login: str, schema: str | None, dump: str, log: str, consistent: bool, extra: t.Mapping[str, str]
) -> list[tuple[str, str]]:
    """Name and value, in the order of the file; ``schema`` None: the whole database.

    statistics=none avoids EXP-00091, which is about nothing that is needed.
    """
    own = [
        ("userid", login),
        ("full", "y") if schema is None else ("owner", schema if is_simple(schema) else quote(schema, "The schema")),
        ("file", quote(dump, "The path of the dump")),
        ("log", quote(log, "The path of the log")),
        ("consistent", "y" if consistent else "n"),
    ]
    return own + with_defaults({"statistics": "none"}, extra)


def import_parameters(
    login: str, from_schema: str, schema: str, dump: str, log: str, extra: t.Mapping[str, str]
) -> list[tuple[str, str]]:
    own = [
        ("userid", login),
        ("fromuser", from_schema if is_simple(from_schema) else quote(from_schema, "The schema")),
        ("touser", schema if is_simple(schema) else quote(schema, "The schema")),
        ("file", quote(dump, "The path of the dump")),
        ("log", quote(log, "The path of the log")),
    ]
    return own + with_defaults({}, extra)


def full_import_parameters(login: str, dump: str, log: str, extra: t.Mapping[str, str]) -> list[tuple[str, str]]:
    """Of everything in the dump."""
    own = [
        ("userid", login),
        ("full", "y"),
        ("file", quote(dump, "The path of the dump")),
        ("log", quote(log, "The path of the log")),
    ]
    return own + with_defaults({}, extra)


def listing_parameters(login: str, dump: str, log: str) -> list[tuple[str, str]]:
    """For imp to read the whole dump and only show what it would do."""
    own = [("userid", login), ("file", quote(dump, "The path of the dump")), ("log", quote(log, "The path of the log"))]
    return [*own, ("full", "y"), ("show", "y")]


def with_defaults(defaults: t.Mapping[str, str], extra: t.Mapping[str, str]) -> list[tuple[str, str]]:
    """The user's parameters over the defaults; slug ``option_invalid`` for those that are the module's own."""
    chosen = dict(defaults)
    for name, value in extra.items():
        if name.lower() in RESERVED or not name.isidentifier():
            raise LockstepError(
                "option_invalid", f"extra_parameters cannot set {name!r}: the module has its own option for it. Remove it."
            )
        plain = bool(value) and all(character in PLAIN_VALUE for character in value)
        chosen[name.lower()] = value if plain else quote(value, f"extra_parameters.{name}")
    return list(chosen.items())


def render(parameters: t.Sequence[tuple[str, str]], charset: str) -> str:
    """The file's text, to be written as UTF-8; slug ``option_invalid`` where exp and imp would read it in another charset."""
    text = "".join(f"{name}={value}\n" for name, value in parameters)
    if not text.isascii() and charset not in UNICODE_CHARSETS:
        raise LockstepError(
            "option_invalid",
            f"The user name, the password or a path has characters outside ASCII, and the database's character set is {charset}: a "
            "parameter file could be read differently by exp and imp. Use ASCII characters.",
        )
    return text


def environment(charset: str, extra: t.Mapping[str, str]) -> dict[str, str]:
    """For exp and imp: messages in English, which are judged, and the database's own charset, so that nothing is converted."""
    return dict(extra, NLS_LANG=f"AMERICAN_AMERICA.{charset}")
