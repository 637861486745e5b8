#!/usr/bin/python
# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Export and import one schema of an Oracle database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: oracle_schema_export
short_description: Export and import one schema of an Oracle database
version_added: 0.1.0
description:
  - Exports a schema, or a whole database, with the C(exp) of the host, or with Data Pump through C(DBMS_DATAPUMP), into a dump on
    the host. Long work is a job of its own, which a lost connection or a dead control node does not end, and which a repeated
    task finds again.
  - An export is good only when the tool's exit code or the job's state, the end line of the log, the error lines of the log, and
    the size of the dump all say so. What is not known counts as failed.
  - The account can be given a role for the time of the export only (O(elevate)). What it had before is written to a journal on the
    host before the grant; what was granted is revoked whatever happens, at the latest by the next run; what was there before is
    never revoked.
  - Passwords go to C(exp) and C(imp) in a parameter file that only the account of the task may read, and that is removed whatever
    happens. They are in no command line, log, journal or result.
extends_documentation_fragment:
  - lockstep.backup.attributes
  - lockstep.backup.attributes.all
  - lockstep.backup.owner
attributes:
  check_mode:
    support: full
    details:
      - The host and the database are looked at as far as the plan depends on them.
  diff_mode:
    support: none
    details:
      - A dump has no sensible diff.
  idempotent:
    support: partial
    details:
      - O(state=exported) with the dump and the record of the same set in place changes nothing. A dump without that record is
        refused, because nobody knows whether it is complete.
      - O(state=imported) imports each time.
      - O(state=recovered), O(state=query) and O(state=verified) change nothing when nothing is left to recover.
requirements:
  - python-oracledb where the module runs, that is on the control node for a Windows host
  - Oracle Database 12.1 or later, for the driver's thin mode
  - C(exp) and C(imp) on the host, for O(method=classic)
options:
  state:
    description:
      - V(query) looks at everything that an export needs, and fails when something stands against it (see O(preflight)). It is
        meant for the time before the outage.
      - V(exported) makes the dump.
      - V(verified) reads a dump through without importing it. It is meant for the time after the outage. With O(method=classic)
        C(imp) lists the whole dump, which finds a missing end. With O(method=datapump) the files must have the sizes of the record,
        and the log its good end.
      - V(imported) imports the dump.
      - V(recovered) puts back what an unfinished run left, that is its grants, its parameter file and its job, and does nothing
        else. V(exported), V(imported) and V(verified) do the same before they begin.
    type: str
    choices: [exported, imported, verified, query, recovered]
    default: exported
  method:
    description:
      - V(classic) runs C(exp) and C(imp). It leaves out tables without a segment and types newer than Oracle 11; V(query) reports
        the tables.
      - V(datapump) runs a job in the server. It needs O(directory).
    type: str
    choices: [classic, datapump]
    default: classic
  schema:
    description: The schema. Taken as upper case, unless it is given in double quotes. Required, unless O(full=true).
    type: str
  full:
    description:
      - The whole database instead of one schema. Then O(user) is required, and O(schema) and O(from_schema) must be left out.
      - The account needs the role C(EXP_FULL_DATABASE) or C(DATAPUMP_EXP_FULL_DATABASE), and for an import or for
        O(state=verified) with O(method=classic) the C(IMP) ones; see O(elevate). With O(preflight=true) that is checked before
        anything is started.
      - An import brings users, too. What exists already is an error to C(imp) and Data Pump. When that is meant, use
        C(ignore=y) in O(extra_parameters) for O(method=classic), or C(TABLE_EXISTS_ACTION) there and C(ORA-31684) in
        O(allowed_warnings) for O(method=datapump).
      - One schema can be imported out of a full dump, with O(full=false), O(schema), and where it differs O(from_schema).
    type: bool
    default: false
  dsn:
    description:
      - The database for the driver, as C(host:port/service), as a connect descriptor, or as an alias of the C(tnsnames.ora) in
        O(config_dir).
      - For a Windows host it must be reachable from the control node; otherwise from the host.
    type: str
    required: true
  net_service:
    description:
      - The database for C(exp) and C(imp), for example an alias of the host's own C(tnsnames.ora).
      - By default O(dsn), with two slashes before it when it has the form C(host:port/service).
    type: str
  user:
    description: The account that exports and imports. By default that of O(schema). Required for O(full=true).
    type: str
  password:
    description: Its password. It cannot have a double quote or a control character.
    type: str
  wallet_alias:
    description:
      - In place of O(password) for C(exp) and C(imp), the alias of a login in the secure external password store of the host.
      - O(admin_user) is needed too then, because the driver cannot use that store.
    type: str
  admin_user:
    description: The account that reads the dictionary and grants O(elevate). Without it O(user) reads what it may see.
    type: str
  admin_password:
    description: Its password.
    type: str
  admin_mode:
    description: V(sysdba) for C(SYS); the server needs a password file then.
    type: str
    choices: [default, sysdba]
    default: default
  config_dir:
    description: The driver's folder of C(tnsnames.ora).
    type: path
  wallet_location:
    description: The driver's folder of C(ewallet.pem), for mutual TLS.
    type: path
  wallet_password:
    description: The password of that wallet.
    type: str
  elevate:
    description:
      - What the account is given for the time of the export or import.
      - V(dba) is the role C(DBA).
      - V(export_role) is the narrowest role that suffices, which is C(EXP_FULL_DATABASE) or C(DATAPUMP_EXP_FULL_DATABASE), and the
        C(IMP) ones for an import.
      - When the account has it already, or has C(DBA), nothing is granted and nothing is revoked.
    type: str
    choices: ["none", dba, export_role]
    default: none
  dump:
    description:
      - The dump, as an absolute path on the host. Needed for O(state=exported), O(state=imported) and O(state=verified).
      - With O(method=datapump) and O(state=exported) it may be in another folder than that of O(directory), on the same volume.
        Then it is moved there when it is good.
      - Beside it, with C(.lockstep.json) at its end, lies its record.
    type: str
  log:
    description:
      - The log. By default beside the dump, with its name and C(.log), C(.import.log) or C(.verify.log).
    type: str
  set_id:
    description: The set that the dump belongs to. Needed for O(state=exported).
    type: str
  consistent:
    description: Whether all tables are to be as of one SCN.
    type: bool
    default: true
  exp_program:
    description: The program C(exp), as a full path where it is not on the search path.
    type: str
    default: exp
  imp_program:
    description: The program C(imp).
    type: str
    default: imp
  environment:
    description:
      - More environment variables for C(exp) and C(imp), for example C(ORACLE_HOME) and C(TNS_ADMIN).
      - C(NLS_LANG) is set by the module to English messages and the character set of the database.
    type: dict
    default: {}
  directory:
    description: The directory object that Data Pump writes to. Needed for O(method=datapump).
    type: str
  parallel:
    description: Number of Data Pump's workers. More than one needs Enterprise Edition, and makes several files.
    type: int
    default: 1
  compression:
    description: Data Pump's compression of an export. V(data_only) and V(all) need a licence of their own.
    type: str
    choices: ["none", metadata_only, data_only, all]
    default: metadata_only
  extra_parameters:
    description:
      - More parameters of C(exp) and C(imp) (for example C(buffer), C(direct), C(ignore)), or of C(DBMS_DATAPUMP.SET_PARAMETER)
        (for example C(TABLE_EXISTS_ACTION)).
      - Those that the module sets itself are refused.
    type: dict
    default: {}
  allowed_warnings:
    description: Codes such as V(EXP-00091) that do not make a failure of the export.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds after which the tool or the job is stopped, and the task fails.
    type: int
    default: 14400
  login_timeout:
    description:
      - Seconds within which the database must have answered a login. A database that hangs takes the connection and never answers.
    type: float
    default: 60.0
  preflight:
    description:
      - Whether everything is judged that could stand against the work. With O(state=query), whether the task fails then.
      - When V(query) has been asked just before an outage, V(false) shortens the outage. Only what the work itself needs is asked
        then.
    type: bool
    default: true
  min_free_ratio:
    description: How many times the size of the schema in the database must be free on the volume of O(dump).
    type: float
    default: 1.1
  expected_set_id:
    description:
      - For O(state=imported) and O(state=verified), the set that the dump must belong to. A dump of another set, or one without a
        record, is refused.
    type: str
  allow_other_set:
    description: Import a dump whatever set it belongs to.
    type: bool
    default: false
  from_schema:
    description: The schema in the dump. By default that of its record.
    type: str
  allow_other_schema:
    description: Import although the schema in the dump has another name than O(schema).
    type: bool
    default: false
  state_folder:
    description:
      - The folder on the host for the journal and the parameter file (C(privileges) in it), and for the job (C(jobs) in it).
      - By default Lockstep's own, which is C(C:\ProgramData\Lockstep) on Windows.
    type: str
seealso:
  - module: lockstep.backup.avbackup
  - module: lockstep.backup.win_service_quiesce
  - module: lockstep.backup.backup_vault
author:
  - Lockstep contributors (@lockstep)
"""

EXAMPLES = r"""
- name: Export one schema of one database, in three steps of a backup
  module_defaults:
    lockstep.backup.oracle_schema_export:
      schema: AESUSER313
      dsn: oracle1.example.com:1521/xe
      password: "{{ vault_aes_schema_password }}"
      admin_user: system
      admin_password: "{{ vault_oracle_admin_password }}"
      elevate: dba
      dump: 'D:\Vault\Failed\26112101\AESUSER313.dmp'
  block:
    - name: Put back what an unfinished run left, and see that nothing stands against the export, before the outage
      lockstep.backup.oracle_schema_export:
        state: "{{ item }}"
      loop: [recovered, query]

    - name: Export, while the application is stopped
      lockstep.backup.oracle_schema_export:
        state: exported
        set_id: "26112101"
        preflight: false

    - name: Read the dump through, after the outage
      lockstep.backup.oracle_schema_export:
        state: verified
        expected_set_id: "26112101"

- name: Export with Data Pump
  lockstep.backup.oracle_schema_export:
    method: datapump
    schema: AESUSER313
    dsn: oracle1.example.com:1521/xe
    password: "{{ vault_aes_schema_password }}"
    directory: BACKUP_DIR
    set_id: "26112101"
    dump: 'D:\Vault\Failed\26112101\AESUSER313.dmp'

- name: Export the whole database
  lockstep.backup.oracle_schema_export:
    full: true
    user: system
    password: "{{ vault_oracle_admin_password }}"
    dsn: etravel1.example.com:1521/dta
    set_id: "26112101"
    dump: 'C:\Backups\etravel\Failed\26112101\dta.dmp'

- name: Import into a scratch schema
  lockstep.backup.oracle_schema_export:
    state: imported
    schema: AES_DRILL
    from_schema: AESUSER313
    allow_other_schema: true
    expected_set_id: "26112101"
    dsn: oracle1.example.com:1521/xe
    password: "{{ vault_aes_drill_password }}"
    dump: 'D:\Vault\Recent\26112101\AESUSER313.dmp'
"""

RETURN = r"""
schema:
  description: The schema, as the dictionary has it. Null with O(full=true).
  returned: always
  type: str
  sample: AESUSER313
full:
  description: The same as O(full).
  returned: always
  type: bool
service:
  description: The service of O(dsn).
  returned: always
  type: str
  sample: xe
method:
  description: As given.
  returned: always
  type: str
  sample: classic
set_id:
  description: As given.
  returned: always
  type: str
  sample: "26112101"
plan:
  description:
    - The steps in their order. In check mode all of them; otherwise what became of each, also after a failure.
  returned: always
  type: list
  elements: dict
  contains:
    step:
      description: Its name.
      type: str
      sample: grant
    text:
      description: What is done, in a sentence.
      type: str
    always:
      description: Whether it is done whatever happened before it.
      type: bool
    result:
      description: V(done), V(failed) or V(skipped). Not in check mode.
      type: str
    seconds:
      description: How long it took. Not in check mode.
      type: float
findings:
  description: What the preflight found, errors first.
  returned: always
  type: list
  elements: dict
  contains:
    level:
      description: V(error) or V(warning).
      type: str
    slug:
      description: Its stable name; that of an error is the RV(error_code) of the task.
      type: str
    text:
      description: What is wrong and what to do about it.
      type: str
recovered:
  description: What an unfinished run had left, and what was done about it.
  returned: always, null when nothing was left
  type: dict
elevated_role:
  description: The role that the account was given for the time of the work, null when it needed none.
  returned: always
  type: str
granted:
  description: Roles that this task granted.
  returned: always
  type: list
  elements: str
revoked:
  description: Statements that put the privileges back.
  returned: always
  type: list
  elements: str
version:
  description: Version of the database.
  returned: when the database was asked
  type: str
  sample: 19.21.0.0.0
charset:
  description: Character set of the database.
  returned: when the database was asked
  type: str
  sample: AL32UTF8
scn:
  description:
    - The SCN of the export. With O(method=datapump) and O(consistent=true) all tables are as of it; C(exp) chooses its own moment
      just afterwards.
  returned: when the database was asked, null when the account may not see it
  type: int
dump:
  description: The dump.
  returned: when there is one
  type: dict
  contains:
    path:
      description: As given.
      type: str
    bytes:
      description: The size of all its files.
      type: int
    files:
      description: Path and bytes of each file.
      type: list
      elements: dict
log:
  description: C(path) and C(tail) of the log.
  returned: when the tool ran
  type: dict
log_tail:
  description: The end of the log.
  returned: when the tool failed
  type: str
tables:
  description: Number of rows by table, as the log tells. With O(full=true) the schema and a dot are before the table.
  returned: when the tool ran
  type: dict
rows:
  description: Their sum.
  returned: when the tool ran
  type: int
log_warnings:
  description: Lines of the log with codes of O(allowed_warnings).
  returned: when the tool ran
  type: list
  elements: str
seconds:
  description: How long the tool or the job ran.
  returned: when the tool ran
  type: float
database:
  description: What the database says of itself, of the schema and of the directory object. Null is what the account may not see.
  returned: O(state=query)
  type: dict
privileges:
  description: What the account has at present.
  returned: O(state=query)
  type: dict
tool_release:
  description: The release of C(exp) on the host.
  returned: O(state=query) with O(method=classic)
  type: str
  sample: 19.0.0.0.0
ready:
  description: Whether nothing stands against an export.
  returned: O(state=query)
  type: bool
error_code:
  description: The stable name of the error.
  returned: on failure
  type: str
  sample: export_failed
oracle_codes:
  description: Oracle's own codes.
  returned: when Oracle reported an error
  type: list
  elements: str
  sample: [EXP-00056, ORA-01555]
error_lines:
  description: The lines of the log that speak against it.
  returned: when the tool failed
  type: list
  elements: str
also_failed:
  description: What failed besides, while everything was put back.
  returned: when something did
  type: list
  elements: dict
"""

from ansible_collections.lockstep.backup.plugins.module_utils.oracle.feature import FEATURE
from ansible_collections.lockstep.backup.plugins.module_utils.run_here import run_module


def main() -> None:
    run_module(FEATURE)


if __name__ == "__main__":
    main()
