# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WQL as the lab reads it."""

from __future__ import annotations

import datetime

import pytest

from tests.lab.winrm import wql

MADE = datetime.datetime(2026, 11, 20, 18, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
ROW = {"Name": "C:\\a\\B.txt", "Size": 5, "Ready": True, "Note": None, "Title": "50% [x]", "Made": MADE}


def _holds(text: str) -> bool:
    query = wql.parse(text)
    assert isinstance(query, wql.Select)
    assert query.condition is not None
    return query.condition.holds(ROW)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (r"Name = 'c:\\a\\b.txt'", True),
        (r'name = "C:\\A\\B.TXT"', True),
        (r"Name LIKE 'C:\\a\\%'", True),
        ("Name LIKE '%.t_t'", True),
        ("Name LIKE '%B.TXT'", True),
        ("Name LIKE '%b.txt'", True),
        ("Title LIKE '50[%] [[]x]'", True),
        ("Name LIKE '[d-z]%'", False),
        ("Size = 5 AND Ready = TRUE", True),
        ("Size <> 5 OR Size > 4", True),
        ("NOT (Size >= 6)", True),
        ("Size = '5'", True),
        ("Note IS NULL", True),
        ("Name IS NOT NULL", True),
        ("Note = 'x'", False),
        ("Size < 5 OR Size = 5 AND Ready = FALSE", False),
        ("Made >= '20261120173000.000000+000'", True),
        ("Made >= '20261120183000.000001+060'", False),
        ("Made < '20261120133001.000000-240'", True),
    ],
)
def test_conditions_hold_as_in_wmi(condition: str, holds: bool) -> None:
    assert _holds("SELECT * FROM X WHERE " + condition) is holds  # noqa: S608 - WQL on a dictionary


def test_fixed_values_are_told_to_the_provider() -> None:
    query = wql.parse(r"select Name from CIM_DataFile where Drive='C:' and Path='\\a\\' and FileSize > 3")
    assert isinstance(query, wql.Select)
    assert query.columns == ("Name",)
    assert query.constraints() == {"drive": "C:", "path": "\\a\\"}
    either = wql.parse("select * from X where Name='a' or Name='b'")
    assert isinstance(either, wql.Select)
    assert either.constraints() == {}


def test_associators_are_read() -> None:
    query = wql.parse(r"ASSOCIATORS OF {Win32_Service.Name='A\'b'} WHERE AssocClass=Win32_DependentService Role=Antecedent")
    assert query == wql.Associators("Win32_Service", "Name", "A'b", {"assocclass": "Win32_DependentService", "role": "Antecedent"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT FROM X",
        "SELECT * FROM X WHERE",
        "SELECT * FROM X WHERE Name = unquoted",
        "SELECT * FROM X WHERE Name = 'a' Size = 3",
        "SELECT * FROM X WHERE Nothing = 'a'",
        "SELECT * FROM X WHERE Size = 'many'",
        "SELECT * FROM X; DROP",
        "SELECT * FROM X WHERE Name ISA 'y'",
        "ASSOCIATORS OF {X.Name=y}",
        "ASSOCIATORS OF {X.Name='y'} WHERE ClassDefsOnly",
        "REFERENCES OF {X.Name='y'}",
    ],
)
def test_what_wmi_would_refuse_is_refused(text: str) -> None:
    with pytest.raises(wql.WqlError):
        _holds(text)
