# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules that lock or journal. Private to lockstep.backup: not a public interface."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents OWNER_SPEC of plugins/module_utils/feature.py."""

    DOCUMENTATION = r"""
options:
  owner:
    description:
      - The run that locks and journals belong to.
      - Filled in by the action plugin, from the C(ansible-playbook) process. Playbooks leave it out.
    type: dict
    suboptions:
      run_id:
        description: What tells this run from every other one.
        type: str
        required: true
      control_node:
        description: Name of the control node.
        type: str
        required: true
      boot_id:
        description: What tells this start of the control node from every other one.
        type: str
        required: true
      pid:
        description: Id of the process on the control node.
        type: int
        required: true
      started:
        description: When that process began. Only compared for equality.
        type: str
        required: true
      user:
        description: The account that the process runs as.
        type: str
        required: true
  dead_run:
    description:
      - The O(owner.run_id) of a run that is over although it gave back neither its lock nor its journal. What it left is
        taken over.
      - Filled in by the action plugin when it can prove on this control node that the run is over. To be given by a person when
        the control node of that run is gone for good. The error C(run_in_progress) names the run.
    type: str
"""
