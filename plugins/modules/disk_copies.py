#!/usr/bin/python
# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy the files of a set to further disks of the same host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: disk_copies
short_description: Copy the files of a set to further disks of the same host
version_added: 0.1.0
description:
  - Copies files to a list of folders, each on a disk of its own, so that the loss of one disk leaves the others.
  - A copy is made under a temporary name, read again, compared by its hash, and renamed. What is cut short never looks like a copy.
  - A disk that is missing or full is an error in RV(errors), never a silent skip. The task fails only when fewer than O(minimum)
    copies are good.
extends_documentation_fragment:
  - lockstep.backup.attributes
  - lockstep.backup.attributes.all
  - lockstep.backup.owner
attributes:
  check_mode:
    support: full
    details:
      - The disks are looked at, and the plan is shown. Files that have not been made yet are no error.
  diff_mode:
    support: none
    details:
      - Files of a backup have no sensible diff.
  idempotent:
    support: full
options:
  state:
    description:
      - V(present) copies the files of one set.
      - V(pruned) deletes the oldest copies over O(keep) in each folder. It is meant for the time after the set was committed.
      - V(query) tells which copies are there, by their records and the sizes of their files. It reads no file to its end.
    type: str
    choices: [present, pruned, query]
    default: present
  folders:
    description:
      - Where the copies go, as absolute paths, one for each disk. Each set gets a folder of its own below.
      - On Windows a missing folder is made if its drive is there. Elsewhere it must be there, because the place of a disk that is
        not mounted must not be filled instead of the disk.
    type: list
    elements: str
    required: true
  set:
    description: Name of the set, as M(lockstep.backup.backup_vault) gives it. Required for O(state=present).
    type: str
  set_id:
    description: Id of the set, which the copies carry. Required for O(state=present).
    type: str
  files:
    description: The files of the set, on the same host. Required for O(state=present). No two may have the same name.
    type: list
    elements: dict
    suboptions:
      path:
        description: Absolute path of the file.
        type: str
        required: true
      sha256:
        description: Its SHA-256 in hexadecimal, if it is known. Else it is computed.
        type: str
  minimum:
    description: How many good copies there must be for O(state=present) to succeed.
    type: int
    default: 1
  keep:
    description:
      - How many copies of good sets stay in each folder with O(state=pruned), 1 to 99.
      - The disks need room for one more.
    type: int
    default: 3
  good_sets:
    description:
      - For O(state=pruned), the ids of the good sets of the vault, as C(good_sets) of M(lockstep.backup.backup_vault) with
        C(state=query).
      - A copy of a set that is not among them, and is newer than the oldest copy that is, belongs to a set that failed. It is not
        counted, and goes with the first good copy that is newer. What is older counts, because the vault has deleted that set
        itself.
      - Without this, every complete copy counts as good.
    type: list
    elements: str
notes:
  - Each copy has a C(copy.json) with the set's name and id and with size and hash of each file. To restore, copy the files back and
    compare them.
  - Unfinished copies of runs that are over are removed by the next run. That of a run that may be alive is left alone; the error
    C(run_in_progress) names the run.
seealso:
  - module: lockstep.backup.backup_vault
  - module: lockstep.backup.tape_rotate
author:
  - Lockstep contributors (@lockstep)
"""

EXAMPLES = r"""
- name: Copy the export to two more disks
  lockstep.backup.disk_copies:
    folders: ['D:\Copies\etravel', 'E:\Copies\etravel']
    set: '02110801'
    set_id: etravel-02110801-5f3a9c1e
    files:
      - path: C:\Backups\etravel\Failed\02110801\etravel.dmp
    minimum: 1
  register: copies

- name: Say which disks have no copy
  ansible.builtin.debug:
    var: copies.errors

- name: Keep the last three
  lockstep.backup.disk_copies:
    state: pruned
    folders: ['D:\Copies\etravel', 'E:\Copies\etravel']
    keep: 3
"""

RETURN = r"""
copies:
  description: What became of each folder.
  returned: for O(state=present) and O(state=pruned)
  type: list
  elements: dict
  contains:
    folder:
      description: One of O(folders).
      type: str
      returned: always
    state:
      description: V(copied), V(present) when the copy was there already, V(done) when it was pruned, or V(failed).
      type: str
      returned: always
    path:
      description: The folder of the copy. Null when there is none.
      type: str
      returned: always
    free_bytes:
      description: Free space before anything was done. Null when it is not known.
      type: int
      returned: always
    error:
      description: What is wrong there, else null.
      type: str
      returned: always
    error_code:
      description: The same as one stable word, else null.
      type: str
      returned: always
  sample:
    - folder: D:\Copies\etravel
      state: copied
      path: D:\Copies\etravel\02110801
      free_bytes: 8589934592
      error: null
      error_code: null
errors:
  description: One sentence for each folder that has no good copy or could not be used.
  returned: always
  type: list
  elements: str
good:
  description: How many of the folders have a good copy.
  returned: for O(state=present)
  type: int
  sample: 2
files:
  description: The files as they were copied. Empty when nothing was copied.
  returned: for O(state=present)
  type: list
  elements: dict
  contains:
    name:
      description: Name of the file.
      type: str
      returned: always
    bytes:
      description: Its size.
      type: int
      returned: always
    sha256:
      description: Its SHA-256 in hexadecimal.
      type: str
      returned: always
deleted:
  description: The copies that were deleted, or in check mode would be.
  returned: for O(state=pruned)
  type: list
  elements: dict
  sample: [{folder: 'D:\Copies\etravel', set: '02110401'}]
folders:
  description: What the folders hold.
  returned: for O(state=query)
  type: list
  elements: dict
  contains:
    folder:
      description: One of O(folders).
      type: str
      returned: always
    sets:
      description:
        - The copies, oldest first, each with C(set), C(path), C(status) (V(good) or V(damaged)), C(problem), C(set_id), C(made) and
          C(files). The last three are null when the copy does not say.
      type: list
      elements: dict
      returned: always
    free_bytes:
      description: Free space. Null when it is not known.
      type: int
      returned: always
    error:
      description: What is wrong there, else null.
      type: str
      returned: always
    error_code:
      description: The same as one stable word, else null.
      type: str
      returned: always
plan:
  description: All steps in their order, the same in check mode and in a real run.
  returned: always
  type: list
  elements: dict
  sample:
    - step: copy
      folder: D:\Copies\etravel
      path: C:\Backups\etravel\Failed\02110801\etravel.dmp
error_code:
  description: What failed, as one stable word. The documentation of errors lists them.
  returned: on failure
  type: str
  sample: copies_too_few
"""

from ansible_collections.lockstep.backup.plugins.module_utils.copies.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.run_here import run_module


def main() -> None:
    run_module(FEATURE)


if __name__ == "__main__":
    main()
