#!/usr/bin/python
# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the sets of one installation on one host: open, commit, fail, prune, ask, rebuild."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_vault
short_description: Keep the backup sets of one installation on one host
version_added: 0.1.0
author: Lockstep contributors (@lockstep)
description:
  - A vault is a folder with the folders C(Failed), C(Recent) and C(Archive), and the list C(BACKUP.LOG). Each set is a folder with
    a name C(YYMMDDnn), from the host's local date and a number of the day, in one of them.
  - A set begins under C(Failed) and appears under C(Recent) by one rename, after every part was verified on the host. Nothing that
    is incomplete, empty, truncated or of unknown state is ever there.
  - Each set has a C(manifest.json) (described by C(docs/manifest.schema.json)), a step log C(HB.LOG), and when it is good a
    C(RESTORE.txt), which says in plain words how to restore it without this software.
  - The vault has a lock from V(opened) to V(committed) or V(failed). It is a folder that names the run that holds it, and it is
    never broken because of its age. V(pruned) and V(rebuilt) take it while they work.
  - 'Where the parts of a set lie on several hosts, each host has a vault, and the set has the same name and the same id in each.
    The hosts after the first one of O(hosts) commit first; the first one commits last, and its rename is the commit point: the set
    is good from then on. If that fails, O(state=failed) with O(primary_sets) takes the other hosts'' sets back to C(Failed).'
  - What a run that was killed has left is finished by the next run. Its sets are failed ones, unless it had already committed them.
extends_documentation_fragment:
  - lockstep.backup.attributes
  - lockstep.backup.attributes.all
  - lockstep.backup.owner
attributes:
  check_mode:
    support: full
    details:
      - A set that V(opened) only planned is treated by V(committed) and V(failed) as if it were there.
  diff_mode:
    support: full
    details:
      - The diff shows C(BACKUP.LOG), which lists the sets.
  idempotent:
    support: full
    details:
      - V(opened) is an exception by its nature, each call makes a set. A second call in one run while its set is open is refused.
options:
  path:
    description:
      - The folder of this installation's vault on this host. It is made if it is absent.
      - A full path on a disk of the host. Network shares and mapped drives are refused.
    type: str
    required: true
  installation:
    description:
      - The installation that the vault belongs to. Sets of another installation in it are left alone.
      - 1 to 64 letters, digits, dots, underscores and hyphens.
    type: str
    required: true
  state:
    description:
      - V(opened) takes the lock and makes a set under C(Failed), for the parts to be written into RV(folder).
      - V(committed) verifies every part of O(parts), moves the set to C(Recent) and releases the lock.
      - V(failed) leaves the set under C(Failed) with the reason and releases the lock. Without O(set) it does so with whatever
        this run or a run that is over has left unfinished, and if that is nothing, notes O(error) in C(BACKUP.LOG) as an attempt
        without a set.
      - V(pruned) moves what is over O(keep_recent) to C(Archive), and deletes the oldest of what is over O(keep_archive) there.
        With a good set it deletes the failed ones that are older. Sets that are failed, damaged or foreign are never counted, and
        the newest good set is never deleted.
      - V(verified) reads every part of a good set again and compares it with what was committed. It needs no lock, except to note
        a O(drill).
      - V(query) tells what the vault holds, and needs no lock.
      - V(rebuilt) writes C(BACKUP.LOG) anew from the sets alone.
    type: str
    required: true
    choices: [opened, committed, verified, failed, pruned, query, rebuilt]
  system:
    description: The product that is backed up. Required for V(opened).
    type: str
  set:
    description:
      - Name of the set. Required for V(committed) and V(verified).
      - For V(opened) it is the next free name of the host's local date when it is not given. Give the second host the name that the
        first one got.
      - For V(pruned) it only matters in check mode, where this set is counted as if it had been committed.
    type: str
  set_id:
    description:
      - The id that all parts of a set carry on all hosts. Made by V(opened) when it is not given. Give the second host the one
        that the first one got.
      - For V(committed), V(verified) and V(failed) it must be the set's own, as a protection against mixing sets.
    type: str
  host:
    description: The host's name in the manifest, usually C(inventory_hostname). The host's own name when it is not given.
    type: str
  hosts:
    description:
      - All hosts that hold a part of the set, by the names that O(host) has there. Only O(host) when it is not given.
      - The first one is the commit point.
    type: list
    elements: str
  trigger:
    description: What started the run, for the manifest and C(BACKUP.LOG). Only for V(On Demand) the log names the user.
    type: str
    choices: [Scheduled, On Demand]
    default: On Demand
  grade:
    description:
      - How consistent the set is. Required for V(committed).
      - V(quiesced) means that all that writes was stopped meanwhile, V(hot) that a tool made a consistent copy of live data,
        V(crash_consistent) that it is like after a power failure, and V(degraded) that something was not as it should be.
    type: str
    choices: [quiesced, hot, crash_consistent, degraded]
  grade_reasons:
    description: Sentences that say why the grade is what it is. Required for O(grade=degraded).
    type: list
    elements: str
    default: []
  parts:
    description: The files that the set consists of on this host. Required for V(committed).
    type: list
    elements: dict
    suboptions:
      path:
        description: Path relative to the set's folder.
        type: str
        required: true
      kind:
        description: A V(zip) is read completely, with its checksums, before the set is committed.
        type: str
        required: true
        choices: [zip, file]
      bytes:
        description: The size that the file must have. It must never be empty.
        type: int
      sha256:
        description: The SHA-256 that the file must have. It is computed on the host in any case.
        type: str
      tool:
        description: What made the file.
        type: str
      tool_version:
        description: The tool's version.
        type: str
      log:
        description: Where the tool's log is.
        type: str
  units:
    description: The units that were quiesced, as M(lockstep.backup.win_service_quiesce) returns them.
    type: list
    elements: dict
    default: []
  outage:
    description: How long the service was away.
    type: dict
    suboptions:
      started:
        description: When the first unit was stopped. ISO 8601 with a time zone.
        type: str
        required: true
      ended:
        description: When the last unit ran again. ISO 8601 with a time zone.
        type: str
        required: true
      seconds:
        description: Its length in seconds.
        type: float
        required: true
  steps:
    description: What the run did, for the step log C(HB.LOG). What this module did is added.
    type: list
    elements: dict
    default: []
    suboptions:
      at:
        description: When. ISO 8601 with a time zone.
        type: str
        required: true
      step:
        description: Which step, in a word.
        type: str
        required: true
      detail:
        description: Its result, in a few words.
        type: str
  restore_steps:
    description: Plain sentences for C(RESTORE.txt), in order, that say what a person does to restore the set. No secrets.
    type: list
    elements: str
    default: []
  details:
    description:
      - What else is worth knowing about the set, for the manifest, for example the SCN, the schema, or the product's version. No
        secrets.
    type: dict
    default: {}
  error:
    description: For V(failed), why. One sentence, for the manifest and C(BACKUP.LOG). No secrets.
    type: str
  drill:
    description:
      - For V(verified), what a drill with this set has shown. Noted with the time in the set's own log. No secrets.
    type: str
  primary_sets:
    description:
      - On a host that is not the first one of O(hosts), the ids of the good sets on the first one, as RV(good_sets) of V(query)
        gives them there.
      - V(failed) takes a committed set back only if it is not among them.
      - V(pruned) neither counts nor touches a set that is not among them, unless it is older than the oldest set that both have. It
        names them in RV(unconfirmed).
    type: list
    elements: str
  keep_recent:
    description: How many good sets V(pruned) leaves in C(Recent), 1 to 99.
    type: int
    default: 4
  keep_archive:
    description: How many good sets V(pruned) leaves in C(Archive), 0 to 99.
    type: int
    default: 2
  clock_skew:
    description:
      - How many seconds a set may be ahead of the host's clock before V(pruned) refuses to work and V(query) names it in
        RV(future).
    type: float
    default: 300.0
"""

EXAMPLES = r"""
- name: Begin a set on the first host
  lockstep.backup.backup_vault:
    state: opened
    path: 'D:\Backups\berlin'
    installation: berlin
    system: altium_enterprise_server
    host: '{{ inventory_hostname }}'
    hosts: [aes1, ora1]
    trigger: Scheduled
  register: opened

- name: Begin the same set on the second host
  lockstep.backup.backup_vault:
    state: opened
    path: /backup/berlin
    installation: berlin
    system: altium_enterprise_server
    set: '{{ opened.set }}'
    set_id: '{{ opened.set_id }}'
    host: ora1
    hosts: [aes1, ora1]
    trigger: Scheduled
  delegate_to: ora1

- name: Commit, the first host after all others
  lockstep.backup.backup_vault:
    state: committed
    path: 'D:\Backups\berlin'
    installation: berlin
    set: '{{ opened.set }}'
    set_id: '{{ opened.set_id }}'
    grade: quiesced
    parts:
      - path: vault.zip
        kind: zip
        tool: avbackup.exe
        log: avbackup.log
    outage: '{{ resumed.outage }}'
    units: '{{ resumed.units }}'
    restore_steps:
      - Stop IIS and the services of the Enterprise Server.
      - Restore vault.zip with avbackup.exe, and the schema from the Oracle host.

- name: The run failed
  lockstep.backup.backup_vault:
    state: failed
    path: 'D:\Backups\berlin'
    installation: berlin
    set: '{{ opened.set }}'
    error: '{{ ansible_failed_result.msg }}'

- name: Which sets are good on the first host
  lockstep.backup.backup_vault:
    state: query
    path: 'D:\Backups\berlin'
    installation: berlin
  register: first

- name: The first host could not commit, so take back what the second one had committed
  lockstep.backup.backup_vault:
    state: failed
    path: /backup/berlin
    installation: berlin
    set: '{{ opened.set }}'
    primary_sets: '{{ first.good_sets }}'
    error: aes1 could not commit
  delegate_to: ora1

- name: Prove that a set is still what was committed
  lockstep.backup.backup_vault:
    state: verified
    path: 'D:\Backups\berlin'
    installation: berlin
    set: '26112101'

- name: Keep three sets where the nightly copy takes them from, and seven more
  lockstep.backup.backup_vault:
    state: pruned
    path: 'D:\Backups\berlin'
    installation: berlin
    keep_recent: 3
    keep_archive: 7
"""

RETURN = r"""
vault:
  description: The vault's folder.
  returned: success
  type: str
plan:
  description:
    - What was done in order, or in check mode would be. The lock first and last.
    - Each entry has C(action), C(path), for renames C(to), and often C(reason).
  returned: for all states except V(query)
  type: list
  elements: dict
  sample:
    - action: rename
      path: 'D:\Backups\berlin\Failed\26112101'
      to: 'D:\Backups\berlin\Recent\26112101'
      reason: the set is good from here on
set:
  description: Name of the set.
  returned: for V(opened) and V(committed)
  type: str
  sample: '26112101'
set_id:
  description: Id of the set, the same on all hosts.
  returned: for V(opened) and V(committed)
  type: str
  sample: berlin-26112101-5f0c3a9e
folder:
  description: The set's folder. For V(failed), the folder C(Failed).
  returned: for V(opened), V(committed) and V(failed)
  type: str
started:
  description: When the set began. ISO 8601, the host's clock.
  returned: for V(opened) and V(committed)
  type: str
ended:
  description: When all its parts were verified. ISO 8601, the host's clock.
  returned: for V(committed)
  type: str
hosts:
  description: All hosts that hold a part of the set.
  returned: for V(opened) and V(committed)
  type: list
  elements: str
installation:
  description: As given.
  returned: for V(opened)
  type: str
system:
  description: As given.
  returned: for V(opened)
  type: str
host:
  description: The host's name in the manifest.
  returned: for V(opened)
  type: str
recovered:
  description: Names of sets of runs that are over, which were marked as failed.
  returned: for V(opened) and V(rebuilt)
  type: list
  elements: str
grade:
  description: Grade of the set.
  returned: for V(committed)
  type: str
grade_reasons:
  description: Why.
  returned: for V(committed)
  type: list
  elements: str
parts:
  description: The parts with their C(bytes) and C(sha256) as verified on the host. In check mode as given.
  returned: for V(committed)
  type: list
  elements: dict
commit_point:
  description: Whether this host's commit makes the set good.
  returned: for V(committed)
  type: bool
manifest:
  description: The whole manifest.
  returned: for V(committed)
  type: dict
sets:
  description: Names of the sets that were marked as failed.
  returned: for V(failed)
  type: list
  elements: str
archived:
  description: Names of the sets that were moved to C(Archive).
  returned: for V(pruned)
  type: list
  elements: str
deleted:
  description: Names of the good sets that were deleted.
  returned: for V(pruned)
  type: list
  elements: str
failed_deleted:
  description: Names of the failed sets that were deleted with them.
  returned: for V(pruned)
  type: list
  elements: str
kept:
  description: Names of the sets in C(Recent) and C(Archive) that count. When there was nothing to prune, all that are there.
  returned: for V(pruned)
  type: list
  elements: str
unconfirmed:
  description: Sets with C(set) and C(set_id) that O(primary_sets) does not name.
  returned: for V(pruned)
  type: list
  elements: dict
exists:
  description: Whether there is a vault at all.
  returned: for V(query)
  type: bool
catalogue:
  description:
    - All sets, oldest first. Each has C(set), C(folder), C(status), C(problem), and from its manifest C(set_id), C(system),
      C(installation), C(host), C(hosts), C(trigger), C(started), C(ended), C(grade), C(grade_reasons), C(error), C(owner),
      C(parts) and C(outage).
    - C(status) is C(good), C(failed), C(unfinished), C(damaged) or C(foreign).
  returned: for V(query) and V(rebuilt)
  type: list
  elements: dict
good_sets:
  description: Ids of the good sets.
  returned: for V(query) and V(rebuilt)
  type: list
  elements: str
unfinished:
  description: Sets whose run still works or ended on the way, as in RV(catalogue). Which one it is tells RV(lock).
  returned: for V(query) and V(rebuilt)
  type: list
  elements: dict
damaged:
  description: Sets that are not what their manifest says, or whose manifest is not understood, as in RV(catalogue).
  returned: for V(query), V(rebuilt) and V(pruned)
  type: list
  elements: dict
foreign:
  description: Sets of another installation, as in RV(catalogue).
  returned: for V(query) and V(rebuilt)
  type: list
  elements: dict
lock:
  description: Who holds the lock, with C(owner) and C(since). Null when nobody does.
  returned: for V(query)
  type: dict
next_name:
  description: The next free name of the host's local date. Null when all 99 are taken.
  returned: for V(query)
  type: str
newest:
  description: The newest good set, as in RV(catalogue). Null when there is none.
  returned: for V(query)
  type: dict
last_sizes:
  description: Bytes of each part of the newest good set, by its path.
  returned: for V(query)
  type: dict
  sample: {vault.zip: 73400320}
future:
  description: Names of sets that are ahead of the host's clock.
  returned: for V(query)
  type: list
  elements: str
clock:
  description: The host's local time, ISO 8601.
  returned: for V(query)
  type: str
free_bytes:
  description: Free bytes on the vault's volume.
  returned: for V(query)
  type: int
done:
  description: When something failed halfway, what had been done of the plan before.
  returned: failure
  type: list
  elements: dict
failed_action:
  description: The entry of the plan that failed.
  returned: failure
  type: dict
"""

from ansible_collections.lockstep.backup.plugins.module_utils.run_here import run_module
from ansible_collections.lockstep.backup.plugins.module_utils.vault.feature import FEATURE


def main() -> None:
    run_module(FEATURE)


if __name__ == "__main__":
    main()
