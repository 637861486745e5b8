# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameter file says exactly what was meant, whatever the password is made of."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.oracle import parfile

printable = st.text(st.characters(exclude_characters='"', exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=30)
ascii_text = st.text(string.ascii_letters + string.digits + string.punctuation.replace('"', "") + " ", min_size=1, max_size=30)


def read_back(text: str) -> dict[str, str]:
    """As the tools read it: ``#`` begins a comment and a quote a literal; the quotes do not belong to the value, except where
    a connect string carries them in the middle."""
    values = {}
    for line in text.splitlines():
        name, _unused, rest = line.partition("=")
        value, quoted = "", False
        for character in rest:
            if character == "#" and not quoted:
                break
            quoted ^= character == '"'
            value += character
        assert not quoted
        values[name] = value[1:-1] if value.startswith('"') and value.endswith('"') and value.count('"') == 2 else value
    return values


def split_login(userid: str) -> tuple[str, str, str]:
    """User, password and service, as far as quotes tell: the password ends at its closing quote."""
    user, _unused, rest = userid.partition('/"')
    password, _unused, service = rest.partition('"@')
    return user, password, service


@given(password=ascii_text, dump=ascii_text, log=ascii_text)
def test_every_value_reads_back_as_it_was_given(password: str, dump: str, log: str) -> None:
    login = parfile.userid("AESUSER313", password, None, "//oracle1:1521/xe")
    text = parfile.render(parfile.export_parameters(login, "AESUSER313", dump, log, True, {}), "WE8MSWIN1252")
    values = read_back(text)
    assert split_login(values["userid"]) == ("AESUSER313", password, "//oracle1:1521/xe")
    assert (values["file"], values["log"]) == (dump, log)
    assert (values["owner"], values["consistent"], values["statistics"]) == ("AESUSER313", "y", "none")


@given(password=printable)
def test_a_password_outside_ascii_is_written_only_where_the_tools_read_utf8(password: str) -> None:
    login = parfile.userid("A", password, None, "//h/s")
    parameters = parfile.import_parameters(login, "A", "B", "C:\\d.dmp", "C:\\d.log", {})
    assert split_login(read_back(parfile.render(parameters, "AL32UTF8"))["userid"])[1] == password
    if not password.isascii():
        with pytest.raises(LockstepError) as caught:
            parfile.render(parameters, "WE8MSWIN1252")
        assert caught.value.slug == "option_invalid"
        assert password not in str(caught.value)


@pytest.mark.parametrize("password", ['quo"te', "line\nend", "nul\0", "bell\a"])
def test_what_the_syntax_cannot_hold_is_refused_without_showing_it(password: str) -> None:
    with pytest.raises(LockstepError) as caught:
        parfile.userid("A", password, None, "//h/s")
    assert caught.value.slug == "option_invalid"
    assert password not in str(caught.value)


def test_a_wallet_takes_the_place_of_the_password() -> None:
    assert parfile.userid("A", None, "aes_prod", "//h/s") == "/@aes_prod"


def test_a_name_that_is_not_simple_is_quoted() -> None:
    assert parfile.userid("Aes User", "p", None, "//h/s") == '"Aes User"/"p"@//h/s'


@pytest.mark.parametrize("name", ["userid", "FILE", "owner", "parfile", "a=b", "a b"])
def test_extra_parameters_cannot_take_the_place_of_what_the_module_sets(name: str) -> None:
    with pytest.raises(LockstepError) as caught:
        parfile.export_parameters("/@x", "A", "d", "l", True, {name: "y"})
    assert caught.value.slug == "option_invalid"


def test_extra_parameters_replace_defaults_and_are_quoted_where_needed() -> None:
    parameters = dict(parfile.export_parameters("/@x", "A", "d", "l", False, {"STATISTICS": "estimate", "query": "where a > 1"}))
    assert parameters["statistics"] == "estimate"
    assert parameters["query"] == '"where a > 1"'
    assert parameters["consistent"] == "n"


def test_messages_are_forced_to_english_and_the_databases_charset() -> None:
    assert parfile.environment("WE8MSWIN1252", {"ORACLE_HOME": "/o", "NLS_LANG": "SPANISH_SPAIN.UTF8"}) == {
        "ORACLE_HOME": "/o",
        "NLS_LANG": "AMERICAN_AMERICA.WE8MSWIN1252",
    }
