# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Temporary privileges: whatever was there before is there afterwards, and nothing else."""

from __future__ import annotations

import dataclasses
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.grants import (
    DBA,
    Journal,
    Privileges,
    RoleGrant,
    enabled_roles,
    grant_statement,
    missing_role,
    role_wanted,
    undo_statements,
)
from tests.unit.fake_host import OWNER

ROLES = ["DBA", "EXP_FULL_DATABASE", "CONNECT", "APP_OWNER", "PARENT"]
grants = st.builds(RoleGrant, admin_option=st.booleans(), default=st.booleans())
direct = st.dictionaries(st.sampled_from(ROLES), grants)
inherited = st.lists(st.tuples(st.sampled_from([*ROLES, "PUBLIC"]), st.sampled_from(ROLES)), max_size=6)


@dataclasses.dataclass
class Account:
    """What GRANT and REVOKE do to one account, in all of Oracle's manners."""

    roles: dict[str, RoleGrant]
    of_roles: list[tuple[str, str]]
    unlimited: bool | None
    dba_brings_unlimited: bool
    revoke_takes_unlimited: bool

    def read(self) -> Privileges:
        return Privileges(dict(self.roles), enabled_roles(self.roles, self.of_roles), self.unlimited)

    def apply(self, statement: str) -> None:
        verb, _unused, rest = statement.partition(" ")
        what, _unused, tail = rest.partition(" TO " if verb == "GRANT" else " FROM ")
        if what == "UNLIMITED TABLESPACE":
            assert verb == "GRANT" or self.unlimited is not None, "ORA-01952"
            self.unlimited = tail.endswith("WITH ADMIN OPTION") if verb == "GRANT" else None
        elif verb == "GRANT":
            self.roles[what] = RoleGrant(False, True)
            if what == DBA and self.dba_brings_unlimited and self.unlimited is None:
                self.unlimited = False
        else:
            del self.roles[what]
            if what == DBA and self.revoke_takes_unlimited:
                self.unlimited = None


accounts = st.builds(Account, direct, inherited, st.sampled_from([None, False, True]), st.booleans(), st.booleans())


def undo(account: Account, granted: list[str], before: Privileges) -> list[str]:
    done: list[str] = []
    while statements := undo_statements(granted, before, account.read(), "AESUSER313"):
        for statement in statements:
            account.apply(statement)
            done.append(statement)
        assert len(done) < 10
    return done


@given(account=accounts, wanted=st.sampled_from(["DBA", "EXP_FULL_DATABASE"]), granted_at_all=st.booleans())
def test_after_granting_and_undoing_everything_is_as_before(account: Account, wanted: str, granted_at_all: bool) -> None:
    before = account.read()
    if wanted in before.roles and not {wanted, DBA} & before.enabled:
        with pytest.raises(LockstepError):
            missing_role(wanted, before, "AESUSER313")
        return
    role = missing_role(wanted, before, "AESUSER313")
    planned = [role] if role else []
    if role and granted_at_all:
        account.apply(grant_statement(role, "AESUSER313"))
        assert wanted in account.read().enabled
    undo(account, planned, before)
    assert account.read() == before


@pytest.mark.parametrize("unlimited", [None, False, True])
@pytest.mark.parametrize("brings", [False, True])
@pytest.mark.parametrize("takes", [False, True])
def test_unlimited_tablespace_is_as_before_whatever_dba_brings_and_takes(unlimited: bool | None, brings: bool, takes: bool) -> None:
    account = Account({}, [], unlimited, brings, takes)
    before = account.read()
    account.apply(grant_statement(DBA, "AESUSER313"))
    undo(account, [DBA], before)
    assert account.read() == before


@given(account=accounts, before=accounts, granted=st.lists(st.sampled_from(ROLES), unique=True))
def test_a_role_that_was_there_before_is_never_revoked(account: Account, before: Account, granted: list[str]) -> None:
    for statement in undo_statements(granted, before.read(), account.read(), "A"):
        assert not any(statement == f'REVOKE {role} FROM "A"' for role in before.roles)
        assert before.unlimited is None or not statement.startswith("REVOKE UNLIMITED")


@given(account=accounts, wanted=st.sampled_from(["DBA", "EXP_FULL_DATABASE"]))
def test_who_has_the_role_or_dba_enabled_is_given_nothing(account: Account, wanted: str) -> None:
    before = account.read()
    if {wanted, DBA} & before.enabled:
        assert missing_role(wanted, before, "A") is None


def test_a_role_that_is_granted_but_not_enabled_is_refused() -> None:
    before = Privileges({"DBA": RoleGrant(False, default=False)}, frozenset(), None)
    with pytest.raises(LockstepError) as caught:
        missing_role("DBA", before, "A")
    assert caught.value.slug == "elevation_refused"


def test_roles_are_inherited_through_roles_and_public_but_not_from_those_that_are_not_default() -> None:
    direct_roles = {"A": RoleGrant(False, True), "OFF": RoleGrant(False, False)}
    of_roles = [("A", "B"), ("B", "C"), ("C", "A"), ("OFF", "DBA"), ("PUBLIC", "P")]
    assert enabled_roles(direct_roles, of_roles) == {"A", "B", "C", "P"}


@pytest.mark.parametrize(
    ("elevate", "state", "method", "role"),
    [
        ("none", "exported", "classic", None),
        ("dba", "imported", "datapump", "DBA"),
        ("export_role", "exported", "classic", "EXP_FULL_DATABASE"),
        ("export_role", "imported", "classic", "IMP_FULL_DATABASE"),
        ("export_role", "exported", "datapump", "DATAPUMP_EXP_FULL_DATABASE"),
        ("export_role", "imported", "datapump", "DATAPUMP_IMP_FULL_DATABASE"),
    ],
)
def test_the_narrowest_role_is_asked_for(elevate: str, state: str, method: str, role: str | None) -> None:
    assert role_wanted(elevate, state, method) == role


def journal(account: Account) -> Journal:
    return Journal(
        account="A",
        service="xe",
        set_id="26112101",
        operation="exported",
        method="classic",
        dump="D:\\a.dmp",
        owner=OWNER,
        since=datetime.datetime(2026, 11, 21, 3, 13, tzinfo=datetime.UTC),
        before=account.read(),
        granted=("DBA",),
        parameter_file="C:\\x.par",
    )


@given(account=accounts)
def test_a_journal_reads_back_as_it_was_written(account: Account) -> None:
    assert Journal.loads(journal(account).dumps(), "p") == journal(account)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"format": 2}', '{"format": 1, "account": "A"}', "\x00\x00"])
def test_a_journal_that_is_not_understood_is_no_journal(text: str) -> None:
    with pytest.raises(LockstepError) as caught:
        Journal.loads(text, "C:\\p.json")
    assert caught.value.slug == "journal_damaged"
