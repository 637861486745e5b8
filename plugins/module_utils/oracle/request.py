# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of one call, checked and completed. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import Host
from ansible_collections.lockstep.backup.plugins.module_utils.oracle import grants, names
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.session import Login

CODE = re.compile(r"(?:EXP|IMP|ORA|LRM|UDE|UDI|KUP)-\d{5}\Z")
CLASSIC, DATAPUMP = "classic", "datapump"
EXPORTED, IMPORTED, VERIFIED, QUERY, RECOVERED = "exported", "imported", "verified", "query", "recovered"
OPERATIONS = (EXPORTED, IMPORTED, VERIFIED)


@dataclasses.dataclass(frozen=True)
class Request:
    """What a call wants. Names are as the dictionary has them. With ``full`` it is the whole database, and ``schema`` is only the
    account's own. ``login`` of the account, ``admin`` of the administrator, each
    None when it is not given. ``folder``: where the journal and the parameter file go; ``dump`` and ``log`` are on the host."""

    params: t.Mapping[str, t.Any]
    full: bool
    schema: str
    account: str
    service: str
    net_service: str
    login: Login | None
    admin: Login | None
    set_id: str
    dump: str
    log: str
    folder: str
    jobs_folder: str
    directory: str | None
    from_schema: str | None
    allowed: frozenset[str]

    @property
    def state(self) -> str:
        return str(self.params["state"])

    @property
    def method(self) -> str:
        return str(self.params["method"])

    @property
    def subject(self) -> str:
        """For texts: what is exported or imported."""
        return "the whole database" if self.full else self.schema

    @property
    def elevate(self) -> str:
        return str(self.params["elevate"])

    @property
    def asker(self) -> Login:
        """Who reads the dictionary. Slug ``option_invalid`` when nobody can."""
        found = self.admin or self.login
        if found is None:
            raise LockstepError(
                "option_invalid", "Reading the dictionary needs a login: give admin_user and admin_password, or password."
            )
        return found

    @property
    def own_login(self) -> Login:
        """The account's, for what must be done as the account. Slug ``option_invalid``."""
        if self.login is None:
            raise LockstepError("option_invalid", f"Data Pump jobs run in a session of {self.account}: give password.")
        return self.login

    @property
    def secrets(self) -> list[str | None]:
        return [self.params.get(name) for name in ("password", "admin_password", "wallet_password")]

    @property
    def role(self) -> str | None:
        """The role that ``elevate`` asks for. Listing a dump needs what importing it needs."""
        state = EXPORTED if self.state in (EXPORTED, QUERY, RECOVERED) else IMPORTED
        return grants.role_wanted(self.elevate, state, self.method)

    @property
    def key(self) -> str:
        """The name of the journal: one account at one service is one, whatever is done with it."""
        return f"{names.file_safe(self.account)}@{names.file_safe(self.service.upper())}"

    @property
    def work(self) -> str:
        """The name of one piece of work, the same for the same set."""
        return f"{self.key}.{self.state}.{names.file_safe(self.set_id)}"


def request_of(task: Task) -> Request:
    """Slugs ``option_invalid``, ``path_not_absolute``."""
    params, host = task.params, task.host
    if params["full"] and (params["schema"] or params["from_schema"]):
        raise LockstepError("option_invalid", "full=true is about all schemas: leave out schema and from_schema.", option="schema")
    schema = names.identifier(params["user"] if params["full"] else params["schema"])
    account = names.identifier(params["user"]) if params["user"] else schema
    service = names.service_of(params["dsn"])
    root = params["state_folder"] or host.state_folder
    dump = params["dump"] or ""
    request = Request(
        params=params,
        full=params["full"],
        schema=schema,
        account=account,
        service=service,
        net_service=params["net_service"] or names.net_service_of(params["dsn"]),
        login=login_of(params, account, params["password"], "default"),
        admin=login_of(params, params["admin_user"], params["admin_password"], params["admin_mode"]),
        set_id=params["set_id"] or params["expected_set_id"] or "",
        dump=dump,
        log=params["log"] or default_log(host, dump, params["state"]),
        folder=host.join(root, "privileges"),
        jobs_folder=host.join(root, "jobs"),
        directory=names.identifier(params["directory"]) if params["directory"] else None,
        from_schema=names.identifier(params["from_schema"]) if params["from_schema"] else None,
        allowed=frozenset(params["allowed_warnings"]),
    )
    check(request, host)
    return request


def login_of(params: t.Mapping[str, t.Any], user: str | None, password: str | None, mode: str) -> Login | None:
    if not user or not password:
        return None
    return Login(
        dsn=params["dsn"],
        user=names.identifier(f'"{user}"' if user == names.identifier(user) else user),
        password=password,
        mode=mode,
        config_dir=params["config_dir"],
        wallet_location=params["wallet_location"],
        wallet_password=params["wallet_password"],
        timeout=params["login_timeout"],
    )


def default_log(host: Host, dump: str, state: str) -> str:
    """Beside the dump, with the operation in the name where it is not the export's."""
    if not dump:
        return ""
    stem = re.sub(r"\.[^.]*\Z", "", host.basename(dump))
    suffix = {EXPORTED: "", IMPORTED: ".import", VERIFIED: ".verify"}.get(state, "")
    return host.join(host.parent(dump), f"{stem}{suffix}.log")


def check(request: Request, host: Host) -> None:
    """What the argument specification cannot say."""
    params = request.params
    for option in ("dump", "log", "state_folder"):
        path = getattr(request, option, None) or params.get(option)
        if path and not host.is_absolute(path):
            raise LockstepError(
                "path_not_absolute",
                f"{option}: {path} is not absolute on {host.name}. Give the full path on a disk of that machine, no network share.",
                path=path,
            )
    for code in request.allowed:
        if not CODE.match(code):
            raise LockstepError(
                "option_invalid", f"allowed_warnings: {code!r} is no code. Write it as EXP-00091.", option="allowed_warnings"
            )
    if not 1 <= params["parallel"] <= 99:
        raise LockstepError("option_invalid", f"parallel: {params['parallel']} is not between 1 and 99.", option="parallel")
    if params["timeout"] < 1:
        raise LockstepError("option_invalid", f"timeout: {params['timeout']} is no number of seconds to wait.", option="timeout")
    by_log_only = request.state == VERIFIED and request.method == DATAPUMP
    if request.state in OPERATIONS and request.login is None and not by_log_only:
        if request.method == DATAPUMP:
            _unused = request.own_login
        elif not params["wallet_alias"]:
            raise LockstepError("option_invalid", "exp and imp need a login: give password, or wallet_alias.", option="password")
    if request.state != RECOVERED and not by_log_only:
        _unused = request.asker
    if request.state == IMPORTED and not params["allow_other_set"] and not params["expected_set_id"]:
        raise LockstepError(
            "option_invalid",
            "An import needs expected_set_id, or allow_other_set=true for a dump of any set.",
            option="expected_set_id",
        )
