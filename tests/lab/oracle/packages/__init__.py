# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages and functions that blocks can call."""

from __future__ import annotations

from tests.lab.oracle.packages import dbms_datapump, dbms_lob, dbms_output, standard, utl_file
from tests.lab.oracle.plsql.library import Library

LIBRARY = Library()
for package in (standard, dbms_output, utl_file, dbms_lob, dbms_datapump):
    package.register(LIBRARY)
