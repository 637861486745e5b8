# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: suspension
short_description: Until when suspended exports must run again
version_added: 0.1.0
author: Lockstep contributors (@lockstep)
description:
  - Scheduled exports are suspended for a full backup and for the days after it, and must run again for the first export that is not
    on one of these days. This filter says how that stands now, and how much time is left.
positional: _input, now, time, days
options:
  _input:
    description: When the exports were suspended. ISO 8601 with a time zone. Null when they are not.
    type: str
    required: true
  now:
    description: The present moment, by the same clock. ISO 8601 with a time zone.
    type: str
    required: true
  time:
    description: When the exports run, as C(HH:MM).
    type: str
    required: true
  days:
    description: Weekdays whose exports are left out while they are suspended.
    type: list
    elements: str
    choices: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]
    required: true
"""

EXAMPLES = r"""
- name: Say how much time is left
  ansible.builtin.debug:
    msg: "{{ (since | lockstep.backup.suspension(vault.clock, '03:13', ['saturday', 'sunday', 'monday'])).text }}"
"""

RETURN = r"""
_value:
  description:
    - C(state) is C(running) (nothing is suspended), C(suspended), C(awaited) (no export that is to be left out lies ahead any
      more), or C(overdue) (the export that needs the return is due within the hour, or was due).
    - C(due) is the moment of the export that needs the return (where nothing is suspended, of the next one), C(date) its
      date, and C(text) says all this in words.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.lockstep.backup.plugins.module_utils.suspension import judge


def suspension(since: str | None, now: str, time: str, days: t.Sequence[str]) -> dict[str, str]:
    try:
        return judge(since or None, now, time, days).as_dict()
    except ValueError as error:
        raise AnsibleFilterError(f"lockstep.backup.suspension: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"suspension": suspension}
