# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: set_summary
short_description: What a person wants to know about a set, in lines
version_added: 0.1.0
author: Lockstep contributors (@lockstep)
description:
  - The set, its grade and the reasons for it, each part with its host, size and hash, the outage, and what was pruned.
positional: _input, pruned
options:
  _input:
    description: Results of M(lockstep.backup.backup_vault) with O(lockstep.backup.backup_vault#module:state=committed), the commit
      point's first.
    type: list
    elements: dict
    required: true
  pruned:
    description:
      - Results of M(lockstep.backup.backup_vault) with O(lockstep.backup.backup_vault#module:state=pruned), each with the key
        C(host) added.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Say what was backed up
  ansible.builtin.debug:
    msg: "{{ [committed] | lockstep.backup.set_summary([pruned | combine({'host': inventory_hostname})]) }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.vault.summary import summary_lines


def set_summary(committed: t.Sequence[t.Mapping[str, t.Any]], pruned: t.Sequence[t.Mapping[str, t.Any]] = ()) -> list[str]:
    return summary_lines(committed, pruned)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"set_summary": set_summary}
