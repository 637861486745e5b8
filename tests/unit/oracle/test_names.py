# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of accounts, services, files and jobs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.oracle import names


@pytest.mark.parametrize(
    ("dsn", "service", "net_service"),
    [
        ("oracle1:1521/xe", "xe", "//oracle1:1521/xe"),
        ("oracle1/xe.example.com", "xe.example.com", "//oracle1/xe.example.com"),
        ("//oracle1:1521/xe", "xe", "//oracle1:1521/xe"),
        ("tcps://oracle1:2484/xe?wallet_location=/w", "xe", "tcps://oracle1:2484/xe?wallet_location=/w"),
        ("oracle1:1521/xe:pooled", "xe", "//oracle1:1521/xe:pooled"),
        ("(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=orclpdb)))", "orclpdb", "(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=orclpdb)))"),
        ("AESPROD", "AESPROD", "AESPROD"),
    ],
)
def test_service_and_alias_follow_from_the_connect_string(dsn: str, service: str, net_service: str) -> None:
    assert names.service_of(dsn) == service
    assert names.net_service_of(dsn) == net_service


@pytest.mark.parametrize(("given_name", "held"), [("aesuser313", "AESUSER313"), ('"MixedCase"', "MixedCase"), ("A B", "A B")])
def test_names_are_as_the_dictionary_holds_them(given_name: str, held: str) -> None:
    assert names.identifier(given_name) == held


@pytest.mark.parametrize("name", ["", 'a"b', '"', "x" * 129, "a\nb"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(LockstepError) as caught:
        names.identifier(name)
    assert caught.value.slug == "option_invalid"


def test_a_name_in_sql_cannot_end_its_quotes() -> None:
    assert names.quoted("MixedCase") == '"MixedCase"'
    with pytest.raises(LockstepError):
        names.quoted('X" TO PUBLIC --')


@given(st.lists(st.text(max_size=40), min_size=2, max_size=2, unique=True))
def test_file_names_are_safe_and_different_for_different_texts(texts: list[str]) -> None:
    one, other = map(names.file_safe, texts)
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", one)
    assert one.lower() != other.lower()


def test_a_data_pump_job_has_the_same_short_name_for_the_same_set_only() -> None:
    name = names.datapump_job("EXPORT", "AESUSER313", "26112101")
    assert name == names.datapump_job("EXPORT", "AESUSER313", "26112101")
    assert len(name) <= 30
    assert name != names.datapump_job("EXPORT", "AESUSER313", "26112102")
    assert name != names.datapump_job("IMPORT", "AESUSER313", "26112101")
