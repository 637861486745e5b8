# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""net and sc: services from the command line."""

from __future__ import annotations

import typing as t

from tests.lab.windows import errors, services
from tests.lab.windows.execution import Execution
from tests.lab.windows.services import Service
from tests.lab.windows.tool import Tool

NET_WAITS_SECONDS = 30.0
"""How long net.exe waits for a service that stays pending."""

_SC_STATES = {services.STOPPED: 1, services.START_PENDING: 2, services.STOP_PENDING: 3, services.RUNNING: 4}


def net(run: Execution) -> int:
    arguments = run.arguments
    if len(arguments) < 2 or arguments[0].lower() not in ("start", "stop"):
        return run.unknown("net other than start NAME and stop NAME")
    yes = "/y" in (argument.lower() for argument in arguments[2:])
    service = run.machine.services.find(arguments[1])
    if not run.user.admin:
        return _net_error(run, 5)
    if service is None:
        run.err("The service name is invalid.\n\nMore help is available by typing NET HELPMSG 2185.\n\n")
        return 2
    return _net_start(run, service) if arguments[0].lower() == "start" else _net_stop(run, service, yes)


def _net_error(run: Execution, code: int) -> int:
    run.err(f"System error {code} has occurred.\n\n{errors.TEXTS[code]}\n\n")
    return 2


def _net_start(run: Execution, service: Service) -> int:
    code = run.machine.services.start(service)
    if code == services.ALREADY_RUNNING:
        run.err("The requested service has already been started.\n\nMore help is available by typing NET HELPMSG 2182.\n\n")
        return 2
    if code != services.ACCEPTED:
        return _net_error(run, services.WIN32_OF_WMI[code])
    run.out(f"The {service.display_name} service is starting.\n")
    state = run.machine.services.wait_while_pending(service, NET_WAITS_SECONDS, lambda: run.process.killed)
    run.checkpoint()
    if state != services.RUNNING:
        run.err(f"The {service.display_name} service could not be started.\n\n")
        return 2
    run.out(f"The {service.display_name} service was started successfully.\n\n")
    return 0


def _net_stop(run: Execution, service: Service, yes: bool) -> int:
    dependents = run.machine.services.active_dependents(service)
    if dependents:
        run.out(f"The following services are dependent on the {service.display_name} service.\n")
        run.out(f"Stopping the {service.display_name} service will also stop these services.\n\n")
        run.out("".join(f"   {one.display_name}\n" for one in dependents) + "\n")
        if not yes:
            run.out("Do you want to continue this operation? (Y/N) [N]: \n")
            if run.read_input().strip().lower()[:1] != b"y":
                run.err("No valid response was provided.\n")
                return 2
        for one in dependents:
            code = _net_stop(run, one, True)
            if code:
                return code
    code = run.machine.services.stop(service)
    if code == services.NOT_ACTIVE:
        run.err(f"The {service.display_name} service is not started.\n\nMore help is available by typing NET HELPMSG 3521.\n\n")
        return 2
    if code != services.ACCEPTED:
        return _net_error(run, services.WIN32_OF_WMI[code])
    run.out(f"The {service.display_name} service is stopping.\n")
    state = run.machine.services.wait_while_pending(service, NET_WAITS_SECONDS, lambda: run.process.killed)
    run.checkpoint()
    if state == services.STOP_PENDING:
        run.err(f"The {service.display_name} service could not be stopped.\n\n")
        return 2
    run.out(f"The {service.display_name} service was stopped successfully.\n\n")
    return 0


def sc(run: Execution) -> int:
    arguments = run.arguments
    if len(arguments) != 2 or arguments[0].lower() not in ("query", "queryex", "start", "stop"):
        return run.unknown("sc other than query, queryex, start, stop NAME")
    verb = arguments[0].lower()
    service = run.machine.services.find(arguments[1])
    if service is None or service.name.lower() != arguments[1].lower():
        label = "EnumQueryServicesStatus" if verb.startswith("query") else "OpenService"
        run.out(f"[SC] {label}:OpenService FAILED 1060:\n\n{errors.TEXTS[1060]}\n\n")
        return 1060
    if verb in ("start", "stop"):
        if not run.user.admin:
            run.out(f"[SC] OpenService FAILED 5:\n\n{errors.TEXTS[5]}\n\n")
            return 5
        code = run.machine.services.start(service) if verb == "start" else run.machine.services.stop(service)
        if code != services.ACCEPTED:
            win32 = services.WIN32_OF_WMI[code]
            call = "StartService" if verb == "start" else "ControlService"
            run.out(f"[SC] {call} FAILED {win32}:\n\n{errors.TEXTS[win32]}\n\n")
            return win32
    state = run.machine.services[service.name].state
    run.out(f"\nSERVICE_NAME: {service.name}\n        TYPE               : 10  WIN32_OWN_PROCESS\n")
    run.out(f"        STATE              : {_SC_STATES[state]}  {state.upper().replace(' ', '_')}\n")
    run.out(f"        WIN32_EXIT_CODE    : {service.exit_code}  (0x{service.exit_code:x})\n")
    run.out("        SERVICE_EXIT_CODE  : 0  (0x0)\n        CHECKPOINT         : 0x0\n        WAIT_HINT          : 0x0\n")
    if verb in ("queryex", "start"):
        run.out(f"        PID                : {service.pid}\n        FLAGS              : \n")
    return 0


TOOLS: t.Mapping[str, Tool] = {
    "net.exe": Tool(net),
    "sc.exe": Tool(sc, lambda arguments: bool(arguments) and arguments[0].lower().startswith("query")),
}
