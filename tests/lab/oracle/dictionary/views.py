# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All dictionary views: their columns, who sees them, and their rows out of the model."""

from __future__ import annotations

from tests.lab.oracle.dictionary import instance_views, object_views, privilege_views
from tests.lab.oracle.dictionary.registry import CATALOG, FIXED, PUBLIC, VIEWS, Reader, Row

__all__ = ["CATALOG", "FIXED", "PUBLIC", "VIEWS", "Reader", "Row", "instance_views", "object_views", "privilege_views"]
