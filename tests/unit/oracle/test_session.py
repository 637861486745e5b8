# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver's errors become ours, and its absence is told when it is needed."""

from __future__ import annotations

import functools
import signal
import socket
import subprocess
import sys

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.oracle import session
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.failures import scrub
from ansible_collections.lockstep.backup.plugins.module_utils.oracle.session import Login, Sessions, translated

LOGIN = Login("oracle1:1521/xe", "AESUSER313", "c4nary-secret")


def test_the_innermost_cause_names_the_error() -> None:
    outer = RuntimeError("DPY-6005: cannot connect to database")
    outer.__cause__ = RuntimeError('DPY-6001: Service "xe" is not registered. Similar to ORA-12514')
    error = translated(outer, LOGIN)
    assert error.slug == "oracle_service_unknown"
    assert "AESUSER313 at oracle1:1521/xe" in error.message


def test_a_connection_that_is_refused_means_that_no_listener_answers() -> None:
    assert (
        translated(RuntimeError("DPY-6005: cannot connect\n[Errno 111] Connection refused"), LOGIN).slug == "oracle_listener_down"
    )


def test_a_listener_that_says_something_unknown_is_told_by_its_own_code() -> None:
    outer = RuntimeError("DPY-6005: cannot connect to database")
    outer.__cause__ = RuntimeError("DPY-6000: Listener refused connection. (Similar to ORA-12528)")
    assert translated(outer, LOGIN).slug == "oracle_not_open"


def test_the_password_is_in_no_error_and_in_no_text_of_a_login() -> None:
    error = translated(RuntimeError("ORA-00600: internal error [c4nary-secret]"), LOGIN)
    assert "c4nary" not in str(error.as_result())
    assert error.__cause__ is None
    assert "c4nary" not in repr(LOGIN)


def test_nothing_of_the_driver_hangs_on_to_the_error() -> None:
    with pytest.raises(LockstepError) as caught:
        session.connect(Login("127.0.0.1:1/xe", "AESUSER313", "c4nary-secret"))
    assert caught.value.slug == "oracle_listener_down"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_secrets_that_contain_each_other_are_both_removed() -> None:
    assert scrub("x secret-long y secret z", ["secret", None, "", "secret-long"]) == "x ******** y ******** z"


def test_without_the_driver_everything_can_be_imported_and_a_connection_says_what_is_missing() -> None:
    code = (
        "import sys; sys.modules['oracledb'] = None\n"
        "from ansible_collections.lockstep.backup.plugins.module_utils.oracle import feature, session\n"
        "from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError\n"
        "try:\n    session.connect(session.Login('h/s', 'U', 'p'))\n"
        "except LockstepError as error:\n    print(error.slug)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout.strip() == "library_missing", done.stderr


def test_only_a_lost_connection_is_tried_again_and_once_only() -> None:
    tried: list[str] = []

    class Fake:
        version = "19"

        def close(self) -> None:
            tried.append("closed")

    sessions = Sessions(lambda login: Fake())  # type: ignore[arg-type, return-value]  # only close() is used here

    def work(slug: str, opened: session.Session) -> None:
        tried.append(slug)
        raise LockstepError(slug, slug)

    for slug, times in (("oracle_connection_lost", 2), ("oracle_failed", 1)):
        tried.clear()
        with pytest.raises(LockstepError):
            sessions.repeatable(LOGIN, functools.partial(work, slug))
        assert tried.count(slug) == times


def test_the_module_imports_no_driver_attribute_that_is_missing() -> None:
    assert session.oracledb.AUTH_MODE_SYSDBA is not None


def test_a_login_that_is_never_answered_ends_and_an_alarm_set_before_is_set_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        login = Login(f"127.0.0.1:{silent.getsockname()[1]}/xe", "AESUSER313", "c4nary-secret", timeout=0.2)
        before = signal.getsignal(signal.SIGALRM)
        signal.alarm(1000)
        try:
            with pytest.raises(LockstepError) as caught:
                session.connect(login)
            assert 990 < signal.alarm(0) <= 1000
        finally:
            signal.alarm(0)
    assert caught.value.slug == "oracle_listener_down"
    assert "the login not answered within 0.2 s" in caught.value.message
    assert signal.getsignal(signal.SIGALRM) is before
