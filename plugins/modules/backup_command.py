#!/usr/bin/python
# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a site's own backup program and judge it by its exit code and its log."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_command
short_description: Run a site's own backup program and judge it by its exit code and its log
version_added: 0.1.0
description:
  - Runs a backup program that a site has already, such as a batch file around C(ntbackup) or C(wbadmin), as a job of its own. The
    job may take hours. A lost connection or a dead control node does not end it.
  - The program is believed only when its exit code B(and) its log say that the backup succeeded. A log that cannot be understood,
    is missing, or is of another run counts as a failure.
extends_documentation_fragment:
  - lockstep.backup.attributes
  - lockstep.backup.attributes.all
  - lockstep.backup.owner
attributes:
  check_mode:
    support: full
    details:
      - The checks are made, the plan is shown, and nothing is run.
  diff_mode:
    support: none
    details:
      - A backup has no sensible diff.
  idempotent:
    support: partial
    details:
      - O(state=checked) and O(state=query) change nothing.
      - O(state=finished) runs the program each time. Only when the same run repeats the task after a lost connection is the job
        found again, waited for and judged.
      - O(state=recovered) finds nothing to do the second time.
options:
  state:
    description:
      - V(checked) makes the checks of V(finished) and nothing else. It is meant for the time before an outage.
      - V(finished) runs the program to its end and judges what it did.
      - V(query) tells whether a job of this O(name) works, whose it is, and what it has printed so far.
      - V(recovered) stops the job, if it still works, and forgets it. It is meant for what a run that is over has left. Without
        such a job it does nothing.
    type: str
    choices: [checked, finished, query, recovered]
    default: finished
  name:
    description:
      - What the backup is called on this host. Letters, digits, dot, underscore and hyphen.
      - Of one name only one job runs at a time.
    type: str
    required: true
  argv:
    description:
      - The program with its arguments. No shell is between, so there are no redirections. Batch files are run by C(cmd.exe).
      - Required for O(state=checked) and O(state=finished).
      - The list is in the process list and in the result, so it is no place for passwords.
    type: list
    elements: str
  cwd:
    description: The folder in which the program runs.
    type: str
  idle_programs:
    description:
      - File names of programs of which none may run when O(argv) is started, such as C(ntbackup.exe).
    type: list
    elements: str
    default: []
  success_codes:
    description: Exit codes that mean success. Every other one is a failure.
    type: list
    elements: int
    default: [0]
  log:
    description:
      - The log that the program writes, as an absolute path. Its folder must be there.
      - Before the program is started, the log of the run before is renamed, with the time of its last change at its end, so that
        what is in the log afterwards is of this run, whether the program appends to it or not. It is never deleted.
      - Without it, what the program prints is its log.
      - UTF-16 and UTF-8 are recognised; for anything else see O(log_code_page).
    type: str
  log_format:
    description:
      - How the log says that the backup succeeded. Required for O(state=checked) and O(state=finished).
      - V(ntbackup) wants each set to begin, to complete, and to have its numbers, and so each verification, without differences.
      - V(wbadmin) wants the sentence that the backup operation successfully completed, and none of an error or a warning.
      - V(patterns) wants what O(success_patterns) says.
      - V(ntbackup) and V(wbadmin) are the logs of an English Windows. For another language use V(patterns).
    type: str
    choices: [ntbackup, wbadmin, patterns]
  log_code_page:
    description: The code page of a log that is neither UTF-16 nor UTF-8, by the name that Python has for it.
    type: str
    default: cp1252
  success_patterns:
    description:
      - Regular expressions that must each match somewhere in the log, in addition to what O(log_format) wants. Case is ignored, and
        C(^) and C($) match at each line.
      - With O(log_format=ntbackup), name the drives that must be in the backup. A log that ends after a complete set looks
        complete.
      - Required for O(log_format=patterns).
    type: list
    elements: str
    default: []
  failure_patterns:
    description: Regular expressions of which none may match, in addition to what O(log_format) takes for a failure.
    type: list
    elements: str
    default: []
  max_skipped:
    description:
      - How many files the program may leave out, or read incompletely, by its own log. Also those that are allowed give a warning.
    type: int
    default: 0
  keep_log:
    description:
      - Where to copy the log of this run, as an absolute path, for example into the folder of a set. A file that is there is
        replaced.
      - A copy that fails gives a warning.
    type: str
  timeout:
    description:
      - Seconds after which the program is stopped, with all that it has started, and the task fails.
      - Some programs wait for ever for another tape.
    type: int
    default: 28800
  quiesced:
    description:
      - The name of the journal under which M(lockstep.backup.win_service_quiesce) has stopped units in this run.
      - They are looked at before the program is started and as soon as it has ended. Those that run again are stopped again, and
        the grade is V(degraded).
    type: str
  max_outage:
    description:
      - Seconds. While the program works, the lease of O(quiesced) is renewed to this length, first early and then after each
        third of it. Give the same number as to M(lockstep.backup.win_service_quiesce).
      - When the lease could not be kept and the host has resumed by itself, the program is stopped, and the task fails.
    type: int
  state_folder:
    description:
      - The folder on the host for jobs and journals. It must be the same in all tasks that belong together.
      - The default is C(%ProgramData%\\Lockstep) on Windows; elsewhere C(/var/lib/lockstep), or C(~/.local/state/lockstep) for
        accounts other than root.
    type: str
notes:
  - The job of another run is not disturbed; the error C(run_in_progress) names the run. The job of a run that is over is stopped
    and not used, because nobody knows whether what it needed (stopped units, the right tape) held meanwhile.
  - The program's own output is kept as C(commands/NAME.log) in O(state_folder), until the next run of that O(name).
  - An C(exit) in a batch file ends only that batch file.
seealso:
  - module: lockstep.backup.win_service_quiesce
  - module: lockstep.backup.tape_rotate
  - module: lockstep.backup.backup_vault
author:
  - Lockstep contributors (@lockstep)
"""

EXAMPLES = r"""
- name: Look whether the full backup could be made, before anything is stopped
  lockstep.backup.backup_command:
    state: checked
    name: full
    argv: ['C:\Etravel\batch\ntbk.bat']
    log: C:\Etravel\Log\ntbktape.log
    log_format: ntbackup

- name: Make the full backup while everything is stopped
  lockstep.backup.backup_command:
    name: full
    argv: ['C:\Etravel\batch\ntbk.bat']
    idle_programs: [ntbackup.exe]
    log: C:\Etravel\Log\ntbktape.log
    log_format: ntbackup
    success_patterns:
      - '^Backup.* of "C:'
      - '^Backup.* of "D:'
    keep_log: D:\Backups\etravel\Failed\02110801\ntbktape.log
    quiesced: etravel
    max_outage: 21600

- name: Back up the volume D by Windows Server Backup, whose log is what it prints
  lockstep.backup.backup_command:
    name: volumes
    argv: [wbadmin.exe, start, backup, '-backupTarget:E:', '-include:D:', -quiet]
    log_format: wbadmin

- name: Run a program of one's own on a POSIX host
  lockstep.backup.backup_command:
    name: dump
    argv: [/usr/local/sbin/dump-all, --everything]
    log_format: patterns
    success_patterns: ['^dump complete$']
    failure_patterns: ['\berror\b']

- name: See how far it is
  lockstep.backup.backup_command:
    state: query
    name: dump
"""

RETURN = r"""
exit_code:
  description: The program's exit code. Null when it did not end or was not run.
  returned: always
  type: int
  sample: 0
started:
  description: When the program was started, by the clock of the host. Null when it was not.
  returned: always
  type: str
  sample: '2002-11-08T17:45:03+01:00'
seconds:
  description:
    - How long this task waited for the program. Null when it was not run.
    - With O(state=query), how long a job that still works has run.
  returned: always
  type: float
  sample: 7812.4
job:
  description: The folder of the job when it is still there, else null.
  returned: always
  type: str
  sample: C:\ProgramData\Lockstep\jobs\command-full
job_state:
  description: V(absent), V(running), V(exited), or V(lost) when it ended without leaving an exit code.
  returned: for O(state=query)
  type: str
  sample: running
log:
  description: The log of the program.
  returned: always but for O(state=query)
  type: dict
  contains:
    path:
      description: The same as O(log).
      type: str
      returned: always
    format:
      description: The same as O(log_format).
      type: str
      returned: always
    previous:
      description: What the log of the run before was renamed to. Null when there was none.
      type: str
      returned: always
    kept:
      description: The same as O(keep_log) when the log was copied there, else null.
      type: str
      returned: always
    tail:
      description: The last lines of the log of this run.
      type: str
      returned: always
  sample:
    path: C:\Etravel\Log\ntbktape.log
    format: ntbackup
    previous: C:\Etravel\Log\ntbktape.log.20021101-195912
    kept: null
    tail: "Time: 2 hours, 10 minutes, and 3 seconds"
counts:
  description: What the log counts itself. Null where it does not say.
  returned: always but for O(state=query)
  type: dict
  contains:
    sets:
      description: Backup sets or volumes that were completed.
      type: int
      returned: always
    directories:
      description: Folders.
      type: int
      returned: always
    files:
      description: Files.
      type: int
      returned: always
    bytes:
      description: Bytes.
      type: int
      returned: always
    skipped:
      description: Files that were left out or not read completely.
      type: int
      returned: always
    different:
      description: Files that the program's own verification found different.
      type: int
      returned: always
  sample: {sets: 2, directories: 812, files: 40112, bytes: 2147483648, skipped: 0, different: null}
grade:
  description:
    - How consistent the backup is. V(quiesced) when the units of O(quiesced) were still stopped when the program had ended,
      V(degraded) when some of them ran again, V(hot) when no O(quiesced) was given. Null for all but a successful
      O(state=finished).
  returned: always but for O(state=query)
  type: str
  sample: quiesced
grade_reasons:
  description: Sentences that say why the grade is not V(quiesced).
  returned: always but for O(state=query)
  type: list
  elements: str
units_stopped_again:
  description: Names of the units that ran again after the program and were told to stop again.
  returned: always but for O(state=query)
  type: list
  elements: str
output:
  description: The file with what the program printed. Null when it was not written.
  returned: always but for O(state=query)
  type: str
  sample: C:\ProgramData\Lockstep\commands\full.log
output_tail:
  description: The last lines of what the program printed.
  returned: always
  type: str
owner:
  description: The run that started the job. Null when there is no job, or it is not known.
  returned: for O(state=query)
  type: dict
checks:
  description: What was checked before anything was done.
  returned: always but for O(state=query)
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
  sample: [{name: program, ok: true, detail: 'C:\Etravel\batch\ntbk.bat is there.'}]
plan:
  description: All steps in their order, the same in check mode and in a real run.
  returned: always
  type: list
  elements: dict
  sample:
    - step: check
      checks: [program]
    - step: run
      argv: ['C:\Etravel\batch\ntbk.bat']
      cwd: null
      job: C:\ProgramData\Lockstep\jobs\command-full
      timeout: 28800
error_code:
  description: What failed, as one stable word. The documentation of errors lists them.
  returned: on failure
  type: str
  sample: backup_unproven
failed_step:
  description: The step of RV(plan) that failed.
  returned: on failure
  type: str
  sample: judge_log
also_failed:
  description: Sentences of what failed while cleaning up after the failure.
  returned: on failure
  type: list
  elements: str
"""

from ansible_collections.lockstep.backup.plugins.module_utils.command.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.run_here import run_module


def main() -> None:
    run_module(FEATURE)


if __name__ == "__main__":
    main()
