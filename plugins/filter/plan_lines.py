# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: plan_lines
short_description: The plans of several tasks as one numbered list
version_added: 0.1.0
author: Lockstep contributors (@lockstep)
description:
  - Every module of this collection returns its ordered plan, in check mode and in a real run. This filter puts the plans of several
    tasks one after the other, a line for each step.
options:
  _input:
    description: Results of this collection's modules, each with the key C(host) added. Those without a plan are passed over.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what would be done
  ansible.builtin.debug:
    msg: "{{ [quiesced, exported] | map('combine', {'host': inventory_hostname}) | lockstep.backup.plan_lines }}"
  when: ansible_check_mode
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.vault import summary


def plan_lines(results: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    return summary.plan_lines(results)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"plan_lines": plan_lines}
