# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Oracle database that the real python-oracledb can use.

``OracleServer(Database(...), address, port)`` listens; ``Database`` is the model, a plain object; ``dump`` reads and writes
dump files. Facts of the protocol and of the product come from the Oracle documentation and from runs of the open driver.
"""

from __future__ import annotations

from tests.lab.oracle.database import Clock, Database
from tests.lab.oracle.errors import OracleError
from tests.lab.oracle.server import OracleServer

__all__ = ["Clock", "Database", "OracleError", "OracleServer"]
