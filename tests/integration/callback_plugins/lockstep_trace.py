# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the result of every task as a line of JSON, for the tests."""

from __future__ import annotations

import json
import os

from ansible.executor.task_result import CallbackTaskResult
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: lockstep_trace
type: aggregate
short_description: Results as lines of JSON
description: For the tests of this collection only.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "lockstep_trace"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, result: CallbackTaskResult, failed: bool) -> None:
        event = {"host": result.host.name, "task": result.task.get_name(), "failed": failed, "result": result.result}
        with open(os.environ["LOCKSTEP_TRACE"], "a", encoding="utf-8") as trace:
            trace.write(json.dumps(event, default=str) + "\n")

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        self._write(result, failed=False)

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        self._write(result, failed=True)

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        self._write(result, failed=True)

    def v2_runner_item_on_ok(self, result: CallbackTaskResult) -> None:
        self._write(result, failed=False)

    def v2_runner_item_on_failed(self, result: CallbackTaskResult) -> None:
        self._write(result, failed=True)
