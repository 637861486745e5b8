#!/usr/bin/python
# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop the units of a system in order, and start again what ran."""

from __future__ import annotations

DOCUMENTATION = r"""
module: win_service_quiesce
short_description: Stop the units of a system in order, and start again exactly what ran
version_added: 0.1.0
author: Lockstep contributors (@lockstep)
description:
  - Stops services, application pools, sites, scheduled tasks, programs and whatever commands can stop, in the given order, each
    until it really has stopped. Later it starts again what ran before, and only that, each until it really runs.
  - Before the first stop it writes a journal on the host itself, with every unit's state. The journal names the run that it belongs
    to. Another run never takes it over unless that run is proven to be over.
  - With O(max_outage) the host itself holds a lease, a timer that starts the recorded units at a deadline, unless the run renews it
    or resumes before. So the service comes back even if the control node, or the way to the host, is gone.
  - A unit may have conditions that must hold after its start, such as lines in its log (O(units[].ready)).
  - If a unit does not stop, all that was stopped is started again in order, and the task fails and names the unit, its state and
    its process.
extends_documentation_fragment:
  - lockstep.backup.attributes
  - lockstep.backup.attributes.all
  - lockstep.backup.owner
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - Quiescing twice in one run is one quiesce. Resuming twice is one resume.
options:
  state:
    description:
      - V(quiesced) stops the units. When this run has stopped them already, it makes sure that they are still stopped, and renews
        the lease.
      - V(resumed) starts the units that the journal records as having run, gives up the lease, and removes the journal. Without a
        journal it changes nothing. It goes on with the other units when one does not start, fails at the end naming it, and can
        be repeated.
      - V(query) shows the present states, and the journal with its owner, whoever holds it.
    type: str
    choices: [quiesced, resumed, query]
    default: quiesced
  name:
    description:
      - Name of the journal and of the lease on this host, one for all that is stopped and started together.
      - Letters, digits, dot, underscore and hyphen.
    type: str
    required: true
  units:
    description:
      - What to stop, in this order. Required for O(state=quiesced); V(resumed) takes the units from the journal.
      - In the check mode of a whole playbook nothing was really stopped, so V(resumed) finds no journal. With these units it then
        shows what it would start.
      - Running units that depend on one of these are stopped before it, with its O(units[].timeout) and O(units[].force), unless
        they have an entry of their own.
      - Where two entries mean the same unit, the first one counts.
    type: list
    elements: dict
    suboptions:
      kind:
        description:
          - V(service) is a Windows service, a systemd service or a launchd job.
          - V(app_pool) and V(site) belong to IIS.
          - V(scheduled_task) is a task of the Windows task scheduler or a systemd timer. It counts as running while it is enabled
            or active.
          - V(process) is every process of a program that no service manager looks after. With O(units[].desktop) it is one program
            on a user's desktop.
          - V(command) is anything that O(units[].start), O(units[].stop) and O(units[].check) can handle.
        type: str
        required: true
        choices: [service, app_pool, site, scheduled_task, process, command]
      name:
        description:
          - The unit's own name, not its display name. For V(process) the file name of the program, or any name together with
            O(units[].desktop.program). For V(command) any name.
          - Exactly this unit. Either this, or O(units[].pattern) and O(units[].path_under).
        type: str
      pattern:
        description:
          - All units whose name matches this shell pattern, such as C(Altium*), regardless of case. At least one must exist.
        type: str
      path_under:
        description:
          - All services whose program lies below this folder. At least one must exist. Combines with O(units[].pattern).
        type: str
      timeout:
        description:
          - Seconds within which the unit has to stop, and later to start.
        type: int
        default: 120
      force:
        description:
          - Kill the unit when it refuses to stop or is still there after O(units[].timeout).
        type: bool
        default: false
      start_position:
        description:
          - Units are started in the reverse of the order in which they were stopped. Give another number than V(0) where the
            start order differs. Lower numbers start first, and equal numbers keep the reverse order.
        type: int
        default: 0
      start:
        description:
          - How a unit of kind V(process) or V(command) is started. Do not put secrets into it, as the journal keeps it.
        type: dict
        suboptions:
          argv:
            description: Program and arguments.
            type: list
            elements: str
            required: true
          cwd:
            description: Working folder of a program of kind V(process).
            type: str
      stop:
        description:
          - How a unit of kind V(command) is stopped.
        type: dict
        suboptions:
          argv:
            description: Program and arguments. Any exit code but 0 means that it refuses.
            type: list
            elements: str
            required: true
      check:
        description:
          - How to ask whether a unit of kind V(command) runs.
        type: dict
        suboptions:
          argv:
            description: Program and arguments. It exits 0 while the unit runs and 3 when it is stopped. Anything else is unknown.
            type: list
            elements: str
            required: true
      desktop:
        description:
          - For a unit of kind V(process) on Windows that lives in the desktop session of a user, where no connection from outside
            reaches it.
          - It is closed and started by scheduled tasks in the folder C(\Lockstep\) that run with the token of the user who is
            logged on. They are made for it and removed when all runs again. The lease uses the same task when the control node is
            gone.
          - The user must be logged on, in an open or disconnected session. Otherwise nothing is stopped, and the task fails with
            C(user_not_logged_on).
          - Each instance of a program is a unit of its own. Where several processes fit, nothing is stopped, and the task fails
            with C(unit_ambiguous).
          - The tasks run without the elevated rights of an administrator. Windows lets them close only programs that run without
            those, too.
        type: dict
        suboptions:
          user:
            description: The account in whose session the program lives, as C(user) or C(DOMAIN\user).
            type: str
            required: true
          program:
            description: The file name of the program. By default the unit's name.
            type: str
          command_line:
            description:
              - A regular expression that the command line of this instance has, regardless of case, and no other instance's.
              - Its O(units[].start) must give it a command line that has it again.
            type: str
          close:
            description:
              - V(window) asks its window to close, as the cross in the corner does.
              - V(ctrl_break) presses Ctrl+Break in its console. Everything else in the same console hears it, too. This is one of
                the few things for which Windows' own PowerShell is needed on the host.
              - V(command) runs O(units[].desktop.close_argv) in the session.
            type: str
            choices: [window, ctrl_break, command]
            default: window
          close_argv:
            description: Program and arguments that close it. Required for O(units[].desktop.close=command).
            type: list
            elements: str
          confirm_argv:
            description:
              - Program and arguments that answer the question which the program asks before it closes. They run in the session
                right after it was asked to close, and have to wait for the question by themselves.
              - Without them a program that asks is one that does not stop in time.
            type: list
            elements: str
      ready:
        description:
          - What must hold after the unit's start, within its O(units[].timeout) counted from the start. Otherwise resuming fails,
            names the unit and what it said, and keeps it in the journal.
          - What comes before the start does not count. After a start that failed, errors up to then do not count any more when
            V(resumed) runs again.
          - What is refused is looked for after the unit's own start, and once more when all units run.
        type: dict
        suboptions:
          log:
            description: A text file that the unit appends to.
            type: str
          expect:
            description: Regular expressions, each of which some new line of the log must have, such as one sign-in for each line.
            type: list
            elements: str
          refuse:
            description: Regular expressions of which no new line of the log may have one.
            type: list
            elements: str
          event_log:
            description: On Windows, the unit may not report an error in an event log.
            type: dict
            suboptions:
              log:
                description: Name of the event log.
                type: str
                default: Application
              source:
                description: Name under which the unit reports.
                type: str
                required: true
  state_folder:
    description:
      - Folder of the host in which journals are kept, in the subfolder C(quiesce). All tasks about one journal give the same.
      - The default is C(Lockstep) in the folder for program data on Windows, C(/var/lib/lockstep) for root elsewhere, and
        C(~/.local/state/lockstep) for other accounts.
    type: str
  max_outage:
    description:
      - Seconds after which the host itself starts the units again. Each V(quiesced) of the same run counts them anew.
      - Without it there is no lease.
    type: int
seealso:
  - module: lockstep.backup.avbackup
"""

EXAMPLES = r"""
- name: Stop the Enterprise Server, for at most an hour
  lockstep.backup.win_service_quiesce:
    name: altium
    max_outage: 3600
    units:
      - kind: site
        name: Default Web Site
      - kind: app_pool
        pattern: Altium*
        timeout: 300
      - kind: service
        path_under: C:\Program Files (x86)\Altium\Altium365

- name: Start again what ran
  lockstep.backup.win_service_quiesce:
    name: altium
    state: resumed

- name: Stop a database before its listener, and start it before its listener too
  lockstep.backup.win_service_quiesce:
    name: etravel
    units:
      - kind: service
        name: OracleServiceDTA
        timeout: 600
        start_position: -1
      - kind: service
        name: OracleTNSListener

- name: Close programs that a person has started on the server's desktop
  lockstep.backup.win_service_quiesce:
    name: etravel
    max_outage: 14400
    units:
      - kind: process
        name: Scheduler 1
        start:
          argv: ['C:\Etravel\bin\scheduler.exe', /n, '1']
        desktop:
          user: etravel
          program: scheduler.exe
          command_line: '/n 1$'
          close: ctrl_break
        ready:
          log: C:\Etravel\Log\scheduler1.log
          expect:
            - TA01 signed in
            - TA02 signed in
          refuse:
            - ERROR
      - kind: process
        name: affinity.exe
        start:
          argv: ['C:\Etravel\bin\affinity.exe']
        desktop:
          user: etravel
          confirm_argv: ['C:\Etravel\bin\affyes.exe']
        ready:
          event_log:
            source: AffinityManager

- name: Who stopped what on this host?
  lockstep.backup.win_service_quiesce:
    name: altium
    state: query
"""

RETURN = r"""
units:
  description: Each unit, in the order of the plan. Also in the result of a task that failed halfway.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description: Its kind.
      type: str
      returned: always
    name:
      description: Its name.
      type: str
      returned: always
    before:
      description: Its state when the outage began.
      type: str
      returned: when quiesced or resumed
      sample: running
    after:
      description: Its state now. In check mode, its present state.
      type: str
      returned: when quiesced or resumed
      sample: stopped
    seconds:
      description: How long its step took.
      type: float
      returned: when quiesced or resumed
    state:
      description: Its present state.
      type: str
      returned: for O(state=query)
plan:
  description:
    - The ordered steps, each with its C(action) (C(record), C(arm_lease), C(renew_lease), C(stop), C(start), C(leave), C(verify),
      C(disarm_lease), C(forget)). Steps about a unit have its C(kind), C(name) and the C(state) in which it was found.
    - Starts have the unit's C(ready), where it has some.
    - Check mode returns the same steps that a real run executes. Executed steps have their C(seconds).
  returned: for O(state=quiesced) and O(state=resumed)
  type: list
  elements: dict
outage:
  description: The outage, from just before the first stop to the last start.
  returned: when there is or was one
  type: dict
  contains:
    started:
      description: By the host's clock, ISO 8601.
      type: str
      returned: always
    ended:
      description: By the host's clock, ISO 8601. Null while the outage lasts.
      type: str
      returned: always
    seconds:
      description: Its length, or its length so far. A clock that was changed meanwhile does not falsify it.
      type: float
      returned: always
journal:
  description: Path of the journal on the host. Null when there is none.
  returned: always
  type: str
owner:
  description: The run that holds the journal, with the keys of O(owner).
  returned: for O(state=query) with a journal, and with the error C(run_in_progress)
  type: dict
phase:
  description: C(quiesced), or C(resuming) after a resume that did not succeed as a whole.
  returned: for O(state=query) with a journal
  type: str
recovered_from:
  description: The run, now over, whose journal was resumed.
  returned: for O(state=resumed), when it was another run's
  type: dict
ran_again:
  description:
    - Names of units that ran already when they were to be started. Somebody or something had started them while they should
      have been stopped, so what was being backed up meanwhile may not be consistent.
  returned: for O(state=resumed)
  type: list
  elements: str
lease:
  description: The host's own timer.
  returned: always
  type: dict
  contains:
    armed_until:
      description: When it starts the units, ISO 8601. Null without a lease.
      type: str
      returned: always
    fired:
      description: Whether it has started them.
      type: bool
      returned: always
lease_fired:
  description: The same as RV(lease.fired). What was being backed up meanwhile is not consistent.
  returned: always
  type: bool
lease_log:
  description: What the lease wrote down when it fired. Empty when it did not.
  returned: for O(state=resumed)
  type: str
error_code:
  description:
    - C(unit_missing), C(unit_state_unknown), C(unit_kind_unsupported), C(unit_ambiguous), C(user_not_logged_on), C(tool_missing),
      C(option_invalid) and C(invalid_name) before anything was stopped.
    - C(unit_refused), C(unit_not_stopped) and C(unit_returned) after an orderly resume.
    - C(units_not_resumed), C(unfinished_quiesce), C(units_differ), C(lease_fired), C(journal_damaged), C(run_in_progress).
  returned: on failure
  type: str
resumed:
  description: After a failed quiesce, whether all that was stopped runs again.
  returned: on failure of a quiesce that had begun
  type: bool
not_resumed:
  description: The units that do not run again, or are not ready, each with C(kind), C(name), C(error_code) and C(msg).
  returned: on failure
  type: list
  elements: dict
"""

from ansible_collections.lockstep.backup.plugins.module_utils.quiesce.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.run_here import run_module


def main() -> None:
    run_module(FEATURE)


if __name__ == "__main__":
    main()
