# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one action plugin that all of Lockstep's modules share. Private to lockstep.backup: not a public interface.

On a Windows host the feature runs here, in the worker process on the control node; elsewhere the module runs on the host.
"""

from __future__ import annotations

import codecs
import collections
import ctypes
import gc
import json
import multiprocessing
import os
import signal
import sys
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import filter_loader, test_loader
from ansible.utils.display import Display

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.feature import Feature, Task
from ansible_collections.lockstep.backup.plugins.module_utils.owner import Owner, is_proven_over, owner_of_process
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.connection import settings_of
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.host import WindowsHost
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.wsman import PYWINRM_MISSING, prepare_ntlm

Result = dict[str, t.Any]

# The strategy imports this module in the parent process, and all workers inherit what that has. Each of them would load the filters
# and tests of ansible-core anew for its first template, and encodings; set up what NTLM needs of OpenSSL; and look for garbage
# among all of the parent's objects, which copies their memory.
for _loader in (filter_loader, test_loader):
    collections.deque(_loader.all(), maxlen=0)
for _encoding in ("ascii", "utf-8-sig", "utf-16-le"):
    codecs.lookup(_encoding)
prepare_ntlm()
gc.freeze()

_WINRM_CONNECTIONS = ("winrm", "psrp")
_PR_SET_PDEATHSIG = 1


class OnHost(ActionBase):
    """Template: a concrete action plugin is a subclass that names its ``feature``."""

    feature: t.ClassVar[Feature]

    _supports_check_mode = True
    _supports_diff = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        result: Result = super().run(tmp, task_vars)
        variables = task_vars or {}
        arguments = dict(self._task.args)
        run = _end_with_run()
        if "owner" in self.feature.argument_spec and not arguments.get("owner"):
            arguments["owner"] = owner_of_process(run).as_dict()
        outcome = self._run_once(arguments, variables)
        taken_over = {arguments.get("dead_run")}
        run_id = _ended_holder(outcome)
        # Several runs that ended without finishing may have left something each.
        while run_id is not None and run_id not in taken_over:
            taken_over.add(run_id)
            Display().vv(f"{self._host_name(variables)}: run {run_id} has ended without finishing; it is taken over.")
            outcome = self._run_once({**arguments, "dead_run": run_id}, variables)
            run_id = _ended_holder(outcome)
        host = self._host_name(variables)
        if "error_code" in outcome and host not in outcome["msg"]:
            # The play's output only names the host that the task was delegated by.
            outcome["msg"] = f"{host}: {outcome['msg']}"
        result.update(outcome)
        return result

    def _run_once(self, arguments: Result, task_vars: dict[str, t.Any]) -> Result:
        name = f"lockstep.backup.{self.feature.name}"
        if self._connection.transport in _WINRM_CONNECTIONS:
            if self._task.async_val:
                return {"failed": True} | LockstepError(
                    "arguments_invalid", f"{name} runs on the control node for Windows hosts and takes no async."
                ).as_result()
            return self._run_here(arguments, task_vars)
        if getattr(self._connection._shell, "_IS_WINDOWS", False):
            return LockstepError(
                "connection_unsupported",
                f"{name} reaches Windows over the connections winrm and psrp, not over {self._connection.transport}. Set "
                "ansible_connection: winrm for this host.",
            ).as_result() | {"failed": True}
        executed: Result = self._execute_module(
            module_name=name, module_args=arguments, task_vars=task_vars, wrap_async=bool(self._task.async_val)
        )
        return executed

    def _run_here(self, arguments: Result, task_vars: dict[str, t.Any]) -> Result:
        feature = self.feature
        validated = ArgumentSpecValidator(
            dict(feature.argument_spec),
            mutually_exclusive=feature.mutually_exclusive,
            required_together=feature.required_together,
            required_one_of=feature.required_one_of,
            required_if=feature.required_if,
            required_by=dict(feature.required_by),
        ).validate(_plain(arguments))
        if validated.error_messages:
            return {"failed": True} | LockstepError("arguments_invalid", "; ".join(validated.error_messages)).as_result()
        warnings: list[str] = []
        name = self._host_name(task_vars)
        outcome: Result
        try:
            outcome = self._run_feature(name, validated.validated_parameters, warnings)
        except LockstepError as error:
            outcome = {"failed": True, "changed": False} | error.as_result()
        if warnings:
            outcome["warnings"] = warnings
        cleaned: Result = remove_values(outcome, validated._no_log_values)
        return cleaned

    def _run_feature(self, name: str, parameters: Result, warnings: list[str]) -> Result:
        if PYWINRM_MISSING is not None:
            raise LockstepError(
                "library_missing",
                f"The Python of ansible on this control node cannot import pywinrm ({PYWINRM_MISSING}). Install requirements.txt.",
            )
        display = Display()
        host = WindowsHost(name, settings_of(self._connection))
        given = parameters.get("owner")
        task = Task(
            params=parameters,
            host=host,
            owner=Owner.from_dict(given) if given else owner_of_process(os.getppid()),
            check_mode=self._task.check_mode,
            diff_mode=self._task.diff,
            warn=warnings.append,
            progress=lambda message: display.display(f"{name}: {message}"),
        )
        try:
            return self.feature.run(task)
        finally:
            host.close()

    def _host_name(self, task_vars: dict[str, t.Any]) -> str:
        return str(self._task.delegate_to or task_vars.get("inventory_hostname") or "?")


def _ended_holder(outcome: Result) -> str | None:
    """The run that holds what was asked for, where it is certain that it is over. Only its own control node can know that: it was
    one of its processes, and that process is gone."""
    holder = outcome.get("owner") if outcome.get("error_code") == "run_in_progress" else None
    return str(holder["run_id"]) if holder and is_proven_over(Owner.from_dict(holder)) else None


def _end_with_run() -> int:
    """The process id of the run that this worker belongs to: ``ansible-playbook``, its parent. From now on the worker ends with it.

    A run counts as over when its main process is gone (``is_proven_over``). A worker that outlived it (ansible-core gives every
    worker a session of its own, so neither a signal to the process group nor the end of its parent reaches it) would go on stopping
    units that the next run has just started. Only Linux has such a signal, and only there the end of a run is ever proven.
    """
    parent = multiprocessing.parent_process()
    run = os.getppid() if parent is None or parent.pid is None else parent.pid
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != run:
            # It ended before the signal was asked for.
            os._exit(1)
    return run


def _plain(arguments: Result) -> Result:
    """Arguments as a module on a host gets them: without ansible-core's tagged types, which other libraries refuse, and with
    values from ansible-vault decrypted (``str`` does that)."""
    plain: Result = json.loads(json.dumps(arguments, default=str))
    return plain
