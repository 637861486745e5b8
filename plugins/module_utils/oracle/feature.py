# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""oracle_schema_export: its states. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Feature, Task
from ansible_collections.lockstep.backup.plugins.module_utils.host.absent import list_or_none
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import FILES, FileInfo
from ansible_collections.lockstep.backup.plugins.module_utils.oracle import importing, parfile
from ansible_collections.lockstep.backup.plugins.module_utils.oracle import record as records
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.call import Call, leftover_finding
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.classic_method import ClassicMethod, tool_for
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.datapump_method import DatapumpExport, place_of
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.exporting import (
    Export,
    Method,
    finished_before,
    refuse_existing,
)
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.files import DumpNames, name_key, same_folder
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.findings import ERROR, Facts
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.grants import Journal
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.request import (
    DATAPUMP,
    EXPORTED,
    IMPORTED,
    QUERY,
    RECOVERED,
    VERIFIED,
    Request,
    request_of,
)
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.session import Connect, Sessions, connect
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.spec import (
    ARGUMENT_SPEC,
    MUTUALLY_EXCLUSIVE,
    REQUIRED_IF,
    REQUIRED_TOGETHER,
)
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.verdict import failed, judge_datapump

Result = t.Dict[str, t.Any]


def run(task: Task) -> Result:
    return run_with(task, connect)


def run_with(task: Task, opener: Connect) -> Result:
    """The feature over any way to open a session. A failure carries what is known as details."""
    request = request_of(task)
    sessions = Sessions(opener)
    call = Call(task, request, sessions)
    try:
        return STATES[request.state](call)
    except LockstepError as error:
        error.details = {**call.parts(), **error.details}
        raise
    finally:
        sessions.close()


def query(call: Call) -> Result:
    """Look at everything, change nothing. With preflight, what stands against an export is an error."""
    call.check_dump_is_local()
    release = call.probe_tool()
    facts = call.gather()
    call.outcome.scn = facts.scn
    findings = [*call.outcome.findings, *leftover_finding(call)]
    call.outcome.findings = sorted(findings, key=lambda finding: finding.level != ERROR)
    privileges = call.holding.before or call.ask(lambda dictionary: dictionary.privileges())
    result = dict(
        call.parts(),
        changed=False,
        database=facts.as_dict(),
        privileges=privileges.as_dict(),
        tool_release=release,
        ready=all(finding.level != ERROR for finding in findings),
    )
    if call.request.params["preflight"]:
        call.refuse_findings()
    return result


def recovered(call: Call) -> Result:
    """Put back what an unfinished run left; nothing else."""
    if not call.task.check_mode:
        call.holding.file.sweep()
    found = call.holding.leftover()
    if found is None:
        return dict(call.parts(), changed=False)
    if call.task.check_mode:
        call.recovery = call.holding.recovery_plan(found)
        return dict(call.planned([]), recovered=found.describe())
    call.outcome.recovered = call.holding.recover(found)
    return dict(call.parts(), changed=True)


def exported(call: Call) -> Result:
    task, request = call.task, call.request
    names = DumpNames(task.host.basename(request.dump), request.method == DATAPUMP and request.params["parallel"] > 1)
    journal = call.settle_leftover()
    there = list_or_none(task.host, task.host.parent(request.dump), FILES)
    if journal is None:
        done = finished_before(task, request, names, there or [])
        if done is not None:
            return already_exported(call, done)
        refuse_existing(task, request, names, there or [])
        if request.params["preflight"]:
            call.check_dump_is_local()
            call.probe_tool()
    facts = call.gather()
    if journal is None:
        call.refuse_findings()
        call.outcome.scn = facts.scn
    else:
        call.holding.take_over(journal)
        call.outcome.scn = journal.scn
    method = export_method(call, facts, journal)
    export = Export(task, request, call.holding, method, call.outcome)
    plan = export.plan(there is not None, is_there(call, there, request.log), journal is not None)
    if task.check_mode:
        return call.planned(plan)
    export.run(plan)
    return dict(call.parts(), changed=True)


def export_method(call: Call, facts: Facts, journal: Journal | None) -> Method:
    task, request = call.task, call.request
    if request.method != DATAPUMP:
        params = request.params
        login = parfile.userid(request.account, params["password"], params["wallet_alias"], request.net_service)
        extra = {str(name): str(value) for name, value in params["extra_parameters"].items()}
        schema = None if request.full else request.schema
        parameters = parfile.export_parameters(login, schema, request.dump, request.log, params["consistent"], extra)
        return ClassicMethod(tool_for(task, request, facts.charset), call.holding, parameters, facts.charset, request.dump)
    pump = call.pump("EXPORT")
    if facts.directory_path is None:
        raise no_directory(request.directory, request.account)
    method = DatapumpExport(task, request, call.holding, pump, place_of(task, request, pump.job, facts.directory_path))
    method.scn = call.outcome.scn
    method.orphan = journal is None and pump.is_orphan()
    return method


def no_directory(directory: str | None, account: str) -> LockstepError:
    return LockstepError(
        "oracle_directory",
        f"The directory object {directory} does not exist, or {account} may not use it. Create it, and grant READ and WRITE.",
    )


def already_exported(call: Call, record: records.Record) -> Result:
    call.outcome.sizes, call.outcome.scn = record.files, record.scn
    return dict(
        call.parts(),
        changed=call.outcome.recovered is not None,
        version=record.version,
        charset=record.charset,
        scn=record.scn,
        tables=dict(record.tables),
        rows=sum(record.tables.values()),
    )


def is_there(call: Call, there: t.Sequence[FileInfo] | None, path: str) -> bool:
    """Whether the file is among those of the dump's folder; elsewhere it is looked up."""
    host = call.task.host
    if not same_folder(host.platform, host.parent(path), host.parent(call.request.dump)):
        return host.stat(path) is not None
    wanted = name_key(host.platform, host.basename(path))
    return any(name_key(host.platform, host.basename(entry.path)) == wanted for entry in there or [])


def imported(call: Call) -> Result:
    task, request, params = call.task, call.request, call.request.params
    journal = call.settle_leftover()
    there = list_or_none(task.host, task.host.parent(request.dump), FILES) or []
    record = importing.record_beside(task, request)
    call.outcome.sizes = importing.check_files(task, request, record, there)
    source = source_of(request, record)
    if journal is None and params["preflight"]:
        call.probe_tool()
    facts = call.gather()
    call.refuse_findings()
    method = import_method(call, facts, journal, source)
    return finish_import(call, method, journal, is_there(call, there, request.log), changed=True)


def source_of(request: Request, record: records.Record | None) -> str:
    """The schema to be taken out of the dump; of no meaning for a whole database. Slugs ``import_refused``, ``set_mismatch``."""
    params = request.params
    if request.full:
        records.refuse_full_import(record, request.dump, params["expected_set_id"], params["allow_other_set"])
        return request.schema
    return records.refuse_import(
        record,
        request.dump,
        request.schema,
        request.from_schema,
        params["expected_set_id"],
        params["allow_other_schema"],
        params["allow_other_set"],
    )


def import_method(call: Call, facts: Facts, journal: Journal | None, source: str) -> importing.ImportMethod:
    task, request, params = call.task, call.request, call.request.params
    if request.method != DATAPUMP:
        login = parfile.userid(request.account, params["password"], params["wallet_alias"], request.net_service)
        extra = {str(name): str(value) for name, value in params["extra_parameters"].items()}
        if request.full:
            parameters = parfile.full_import_parameters(login, request.dump, request.log, extra)
        else:
            parameters = parfile.import_parameters(login, source, request.schema, request.dump, request.log, extra)
        return ClassicMethod(tool_for(task, request, facts.charset), call.holding, parameters, facts.charset, request.dump)
    if facts.directory_path is None:
        raise no_directory(request.directory, request.account)
    for path in (request.dump, request.log):
        if not same_folder(task.host.platform, task.host.parent(path), facts.directory_path):
            raise LockstepError(
                "oracle_directory",
                f"{path} is not in {facts.directory_path}, the folder of the directory object {request.directory}, and the server "
                "reads and writes "
                "only there. Put it there, or give the directory object of its folder.",
                path=path,
            )
    pump = call.pump("IMPORT")
    method = importing.DatapumpImport(task, request, call.holding, pump, source, call.outcome.sizes)
    method.orphan = journal is None and pump.is_orphan()
    return method


def finish_import(call: Call, method: importing.ImportMethod, journal: Journal | None, old_log: bool, changed: bool) -> Result:
    if journal is not None:
        call.holding.take_over(journal)
    work = importing.Import(call.task, call.request, call.holding, method, call.outcome)
    plan = work.plan(journal is not None, old_log)
    if call.task.check_mode:
        return dict(call.planned(plan), changed=changed)
    work.run(plan)
    return dict(call.parts(), changed=changed)


def verified(call: Call) -> Result:
    """Read a dump through without importing it. Classic: imp lists all of it, which finds a missing end. Data Pump has no such
    reader: its files must have the sizes of the record, and the log its good end."""
    task, request = call.task, call.request
    journal = call.settle_leftover()
    if not task.check_mode:
        # Here rather than before an export, which people wait for.
        call.holding.file.sweep()
    there = list_or_none(task.host, task.host.parent(request.dump), FILES) or []
    record = importing.record_beside(task, request)
    # In the check mode of a whole playbook the dump has not been made.
    if record is not None or not task.check_mode:
        call.outcome.sizes = importing.check_files(task, request, record, there)
        if request.params["expected_set_id"] or not request.params["allow_other_set"]:
            records.refuse_other_set(record, request.dump, request.params["expected_set_id"])
    if request.method == DATAPUMP:
        return verified_by_log(call, record)
    facts = call.gather()
    call.refuse_findings()
    login = parfile.userid(request.account, request.params["password"], request.params["wallet_alias"], request.net_service)
    parameters = parfile.listing_parameters(login, request.dump, request.log)
    method = ClassicMethod(tool_for(task, request, facts.charset), call.holding, parameters, facts.charset, request.dump)
    return finish_import(call, method, journal, is_there(call, there, request.log), changed=False)


def verified_by_log(call: Call, record: records.Record | None) -> Result:
    host, log = call.task.host, call.request.log
    if record is not None and not call.request.params["log"]:
        log = host.join(host.parent(call.request.dump), record.log)
    if call.task.check_mode:
        return dict(call.planned([]), changed=False)
    verdict = judge_datapump("EXPORT", None, None, None, host.read_text(log), call.request.allowed, call.request.full)
    if not verdict.good:
        raise failed(verdict, "The export", log, "")
    call.outcome.verdict = verdict
    return dict(call.parts(), changed=False)


STATES: t.Mapping[str, t.Callable[[Call], Result]] = {
    EXPORTED: exported,
    IMPORTED: imported,
    VERIFIED: verified,
    QUERY: query,
    RECOVERED: recovered,
}

FEATURE = Feature(
    name="oracle_schema_export",
    run=run,
    argument_spec=ARGUMENT_SPEC,
    required_if=REQUIRED_IF,
    required_together=REQUIRED_TOGETHER,
    mutually_exclusive=MUTUALLY_EXCLUSIVE,
)
