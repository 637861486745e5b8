#!/usr/bin/python
# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Back up and restore the file storage of an Altium On-Prem Enterprise Server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: avbackup
short_description: Back up and restore an Altium On-Prem Enterprise Server with its own tool
version_added: 0.1.0
description:
  - Runs the vendor's C(avbackup.exe) on the server as a job of its own, which a lost connection or a dead control node does not
    end, and believes it only when its exit code B(and) the zip that it left say the same.
  - With a Firebird back end the zip is the whole backup. With an Oracle back end it holds the file storage only; export the schema
    with M(lockstep.backup.oracle_schema_export) while the same units stay stopped.
  - What cannot be wrong is checked before the tool starts; see RV(checks).
extends_documentation_fragment:
  - lockstep.backup.attributes
  - lockstep.backup.attributes.windows
  - lockstep.backup.owner
attributes:
  check_mode:
    support: full
    details:
      - The checks are made, the plan is shown, and nothing is run. With O(state=verified) the zip is not read, because in the check
        mode of a whole playbook it has not been made.
  diff_mode:
    support: none
    details:
      - The contents of a zip have no sensible diff.
  idempotent:
    support: partial
    details:
      - O(state=checked) and O(state=verified) change nothing.
      - O(state=present) makes one new zip and refuses one that exists, because nobody knows whether that is complete. Only when the
        same run repeats the task after a lost connection is the job found again, waited for and judged.
      - O(state=restored) restores each time.
      - O(state=recovered) finds nothing to do the second time.
options:
  state:
    description:
      - V(checked) makes the checks of V(present) and nothing else. It is meant for the time before the outage.
      - V(present) makes the zip.
      - V(verified) reads the whole zip that V(present) made. It is meant for the time after the outage.
      - V(drilled) unpacks the zip into O(scratch_folder), measures what came out, and removes it again. The installation is left
        alone. It needs the C(tar.exe) of Windows Server 2019 or later.
      - V(restored) replaces the server's data by what is in the zip.
      - V(recovered) stops the tool, if it still makes the zip, and forgets the job. It is meant for the zip of a set whose run is
        over, which the lock of M(lockstep.backup.backup_vault) proves. Without such a job it does nothing.
    type: str
    choices: [checked, present, verified, drilled, restored, recovered]
    default: present
  path:
    description:
      - The zip, as an absolute path on a disk of the server itself. It must end in C(.zip).
      - WinRM logons reach no network drives, so UNC paths and mapped drives are refused.
      - With O(state=present) it must not exist. Its folder is made when it is missing, unless O(preflight=false).
    type: str
    required: true
  tool_folder:
    description:
      - The tool's own folder, which is also the folder that it runs in.
      - Do not copy the tool elsewhere. The vendor warns that its restore fails outside this folder.
    type: str
    default: C:\Program Files (x86)\Altium\Altium365\Tools\BackupTool
  program:
    description: The tool's file name. While a process of that name runs that is not known, nothing is started.
    type: str
    default: avbackup.exe
  ini:
    description: The server's configuration file, for C({ini}) in the arguments.
    type: str
    default: C:\Program Files (x86)\Altium\Altium365\LocalVault.ini
  backup_arguments:
    description:
      - The tool's arguments for a backup. C({zip}) and C({ini}) stand for O(path) and O(ini); C({zip}) must occur.
      - The default is the vendor's example for an Oracle back end.
    type: list
    elements: str
    default: [backup, -z, "{zip}", -i, "{ini}"]
  restore_arguments:
    description:
      - The same for a restore.
      - The default is an assumption after the backup's arguments. Compare it with C(avbackup.exe help) on the server.
    type: list
    elements: str
    default: [restore, -z, "{zip}", -i, "{ini}"]
  success_exit_codes:
    description:
      - Exit codes that mean success. Every other one is a failure.
      - The vendor publishes no list.
    type: list
    elements: int
    default: [0]
  health_monitor:
    description: A program that must not run, because it opens the same database files.
    type: str
    default: avhealth.exe
  data_folders:
    description:
      - Folders of the server's data. The sum of their sizes, times O(free_space_factor), must be free on the disk of O(path).
      - Without them O(last_bytes) takes the place of the sum. Without that, too, the free space is only reported.
    type: list
    elements: str
    default: []
  free_space_factor:
    description: The reserve for O(data_folders) or O(last_bytes).
    type: float
    default: 1.2
  last_bytes:
    description: Size of the last good zip in bytes.
    type: int
  min_share_of_last:
    description: A zip that is smaller than this share of O(last_bytes) gives a warning. It stays a backup.
    type: float
    default: 0.5
  timeout:
    description:
      - Seconds after which the tool is stopped, and the task fails.
      - Be generous with a restore. One that is stopped halfway leaves half of the data.
    type: int
    default: 14400
  quiesced:
    description:
      - The name of the journal under which M(lockstep.backup.win_service_quiesce) has stopped the server's units in this run.
      - The tool starts services by itself after a success. So the units are looked at as soon as it has ended, also when it has
        failed, and those that run again are stopped again. The grade of the backup is then V(degraded).
    type: str
  max_outage:
    description:
      - Seconds. While the tool works, the lease of O(quiesced) is renewed to this length, first early and then after each third of
        it. Give the same number as to M(lockstep.backup.win_service_quiesce).
      - When the lease could not be kept and the server has resumed by itself, a backup is stopped, and fails. A restore goes on
        to its end, and then fails.
    type: int
  log:
    description:
      - Where the tool's output is kept.
      - The default is beside O(path), with C(.log) in the place of C(.zip). With O(state=restored) it is in C(jobs) in
        O(state_folder), so that nothing is added to a set.
    type: str
  state_folder:
    description:
      - The folder on the host for jobs and journals. It must be the same in all tasks that belong together.
      - The default is C(%ProgramData%\\Lockstep).
    type: str
  preflight:
    description:
      - With V(false), O(state=present) only checks that O(path) does not exist and that the tool does not run already. It is meant
        for a run that has made all checks with O(state=checked) before the outage began. Other states take no notice.
    type: bool
    default: true
  verify:
    description:
      - With V(false), O(state=present) does not read the zip, so that the service can be given back at once. The zip is not proven
        until O(state=verified) has succeeded, or M(lockstep.backup.backup_vault) has committed the set. Other states ignore it.
    type: bool
    default: true
  confirm:
    description: Must be V(true) for O(state=restored), which replaces the server's data.
    type: bool
    default: false
  expected_sha256:
    description: With O(state=verified) or O(state=restored), the SHA-256 that the zip must have, in hexadecimal.
    type: str
  expected_version:
    description:
      - With O(state=restored), the version that the tool must have, as in RV(tool_version) when the backup was made.
      - Without it, only a warning says that the versions have to be the same.
    type: str
  scratch_folder:
    description:
      - With O(state=drilled), and required for it, the folder to unpack into. It is made and removed, so it must not exist.
    type: str
notes:
  - A backup that failed leaves its zip beside O(path) with C(.failed) at its end, to be looked at. RV(zip.path) names it.
  - The host remembers its last job in C(avbackup.json) in O(state_folder). A job of another run that still works is not disturbed;
    the error C(run_in_progress) names the run. A backup of a run that is over is stopped, and not used, because nobody knows
    whether the server stayed stopped meanwhile. A restore is never stopped for that reason.
  - The tool restores only into the version of the server that made the backup. See O(expected_version).
  - Restores are done with the Enterprise Server stopped; name the journal in O(quiesced) to have that checked.
seealso:
  - module: lockstep.backup.win_service_quiesce
  - module: lockstep.backup.oracle_schema_export
  - module: lockstep.backup.backup_vault
author:
  - Lockstep contributors (@lockstep)
"""

EXAMPLES = r"""
- name: Look whether a backup could be made, before anything is stopped
  lockstep.backup.avbackup:
    state: checked
    path: D:\Backups\altium.zip
    data_folders:
      - C:\ProgramData\Altium\Altium365

- name: Stop the server
  lockstep.backup.win_service_quiesce:
    state: quiesced
    name: altium
    max_outage: 3600
    units:
      - kind: service
        name: W3SVC

- name: Make the zip while the server is stopped, as fast as possible
  lockstep.backup.avbackup:
    path: D:\Backups\altium.zip
    preflight: false
    verify: false
    quiesced: altium
    max_outage: 3600

- name: Start the server again
  lockstep.backup.win_service_quiesce:
    state: resumed
    name: altium

- name: Read the whole zip now that nobody waits for it
  lockstep.backup.avbackup:
    state: verified
    path: D:\Backups\altium.zip

- name: Restore it
  lockstep.backup.avbackup:
    state: restored
    path: D:\Backups\altium.zip
    confirm: true
"""

RETURN = r"""
unpacked_bytes:
  description: With O(state=drilled), how many bytes came out of the zip.
  returned: for O(state=drilled)
  type: int
zip:
  description: The zip. After a failed backup, what is left of it.
  returned: always but for O(state=drilled)
  type: dict
  contains:
    path:
      description: Where it is.
      type: str
      returned: always
    bytes:
      description: Its size, null when it was not looked at.
      type: int
      returned: always
    sha256:
      description: Its SHA-256 when O(expected_sha256) was given and compared, else null.
      type: str
      returned: always
  sample: {path: 'D:\Backups\altium.zip', bytes: 73400320, sha256: null}
grade:
  description:
    - How consistent the zip is. V(quiesced) when the units of O(quiesced) were still stopped when the tool had ended, V(degraded)
      when some of them ran again, V(hot) when no O(quiesced) was given. Null for all but a successful O(state=present).
  returned: always but for O(state=drilled)
  type: str
  sample: quiesced
grade_reasons:
  description: Sentences that say why the grade is not V(quiesced).
  returned: always but for O(state=drilled)
  type: list
  elements: str
units_stopped_again:
  description: Names of the units that ran again after the tool and were told to stop again.
  returned: always but for O(state=drilled)
  type: list
  elements: str
exit_code:
  description: The tool's exit code, null when it did not end or was not run.
  returned: always but for O(state=drilled)
  type: int
  sample: 0
seconds:
  description: How long the tool worked, as seen from the control node. Null when it was not run.
  returned: always but for O(state=drilled)
  type: float
  sample: 812.4
tool_version:
  description: The version that the file of the tool carries. Null when it carries none, or was not looked at.
  returned: always but for O(state=drilled)
  type: str
  sample: 7.1.1.50
log:
  description: The file with the tool's output. Null when it was not written.
  returned: always but for O(state=drilled)
  type: str
  sample: D:\Backups\altium.log
log_tail:
  description: The last lines of the tool's output.
  returned: always but for O(state=drilled)
  type: str
job:
  description: The folder of the job when its output is still there, else null.
  returned: always but for O(state=drilled)
  type: str
  sample: C:\ProgramData\Lockstep\jobs\avbackup-backup-0c2d8e3b9f51
share_of_last:
  description: The zip's size as a share of O(last_bytes). Null without it.
  returned: always but for O(state=drilled)
  type: float
  sample: 1.02
checks:
  description: What was checked before anything was done.
  returned: always but for O(state=drilled)
  type: list
  elements: dict
  contains:
    name:
      description: What was checked.
      type: str
      returned: always
    ok:
      description: Whether it is as it must be.
      type: bool
      returned: always
    detail:
      description: What was found, and what to do when it is not as it must be.
      type: str
      returned: always
  sample: [{name: admin, ok: true, detail: The account has administrator rights.}]
plan:
  description: All steps in their order, the same in check mode and in a real run.
  returned: always
  type: list
  elements: dict
  sample:
    - step: check
      checks: [target]
    - step: run
      argv: ['C:\Program Files (x86)\Altium\Altium365\Tools\BackupTool\avbackup.exe', backup, -z, 'D:\Backups\altium.zip']
      cwd: C:\Program Files (x86)\Altium\Altium365\Tools\BackupTool
      job: C:\ProgramData\Lockstep\jobs\avbackup-backup-0c2d8e3b9f51
      timeout: 14400
error_code:
  description: What failed, as one stable word. The documentation of errors lists them.
  returned: on failure
  type: str
  sample: tool_failed
failed_step:
  description: The step of RV(plan) that failed.
  returned: on failure
  type: str
  sample: run
also_failed:
  description: Sentences of what failed while cleaning up after the failure.
  returned: on failure
  type: list
  elements: str
"""

from ansible_collections.lockstep.backup.plugins.module_utils.altium.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.run_here import run_module


def main() -> None:
    run_module(FEATURE)


if __name__ == "__main__":
    main()
