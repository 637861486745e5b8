# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab from the command line: ``python -m tests.lab --help`` tells its verbs."""

from __future__ import annotations

import argparse
import pathlib
import sys
import typing as t

from tests.lab import control
from tests.lab.lab import DEFAULT_NETWORK, DEFAULT_ROOT, LabFaults

_HOW_TO_PLAY = """
In a shell in this folder, after ". .venv/bin/activate && export PYTHONPATH=build/collections", for example:
  ansible-playbook playbooks/nightly.yml -i {inventory} --limit aes1 --check   the whole plan
  python -m tests.lab status                                   hosts, where their disks lie, units, faults
  python -m tests.lab faults                                   the faults that there are
  python -m tests.lab fault aes1 service_refuses_stop W3SVC    one of them; then run the nightly and look at its output
  python -m tests.lab clear                                    all is well again
"make lab-down" stops the lab."""


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--root", type=pathlib.Path, default=DEFAULT_ROOT, help="folder of the lab (default: build/lab)")
    size = argparse.ArgumentParser(add_help=False)
    size.add_argument("--installations", type=int, default=2, help="pairs of Enterprise Server and Oracle host (default: 2)")
    size.add_argument("--etravel", type=int, default=1, help="eTravel hosts (default: 1)")
    size.add_argument(
        "--network",
        default=DEFAULT_NETWORK,
        help=f"first two numbers of the addresses, or {control.FREE_NETWORK} for a free one (default: {DEFAULT_NETWORK})",
    )
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description="Simulated hosts for Lockstep, on loopback.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("up", parents=[common, size], help="start the lab in the background and wait until it listens")
    verbs.add_parser("serve", parents=[common, size], help="run the lab here until it is interrupted")
    verbs.add_parser("down", parents=[common], help="stop it")
    verbs.add_parser("status", parents=[common], help="hosts, units and faults")
    verbs.add_parser("play", parents=[common], help="say how to play with it")
    verbs.add_parser("faults", parents=[common], help="the faults that there are")
    fault = verbs.add_parser("fault", parents=[common], help="switch a fault on")
    fault.add_argument("host")
    fault.add_argument("name")
    fault.add_argument("value", nargs="?")
    clear = verbs.add_parser("clear", parents=[common], help="switch faults off")
    clear.add_argument("host", nargs="?")
    clear.add_argument("name", nargs="?")
    empty = verbs.add_parser("empty", parents=[common], help="drop what is in the Enterprise Server's schema, as before a restore")
    empty.add_argument("host")
    tape = verbs.add_parser("tape", parents=[common], help="what a person does at a host's tape drive, and its tapes")
    tape.add_argument("host")
    tape.add_argument("action", choices=control.TAPE_ACTIONS)
    tape.add_argument("name", nargs="?", help="the tape, by the name that it was made with (new)")
    tape.add_argument("--capacity", type=int, help="bytes of a new tape")
    advance = verbs.add_parser("advance", parents=[common], help="let time pass on a host: its scheduled tasks start as it does")
    advance.add_argument("host")
    advance.add_argument("seconds", type=float)
    verbs.add_parser(
        "unknown", parents=[common], help="what the lab was asked and did not know (exit code 1 when there is something)"
    )
    return parser


def _network(options: argparse.Namespace) -> str | None:
    return None if options.network == control.FREE_NETWORK else str(options.network)


def _print_status(status: dict[str, t.Any]) -> None:
    for name, host in status["hosts"].items():
        services = host["services"]
        stopped = [service for service, state in services.items() if state != "Running"]
        pools = [pool for pool, state in host["pools"].items() if state != "Started"]
        print(f"{name}: {host['url']}")
        print(f"  disk      {host['disk']}")
        print(f"  services  {len(services) - len(stopped)} run; not running: {', '.join(stopped) or 'none'}")
        print(f"  pools     {len(host['pools']) - len(pools)} started; not started: {', '.join(pools) or 'none'}")
        if host["tasks"]:
            print(f"  tasks     {', '.join(host['tasks'])}")
        for fault, values in status["faults"].get(name, {}).items():
            print(f"  FAULT     {fault} {' '.join(values)}")
    print(f"inventory: {status['inventory']}")
    print(f"{status['requests']} requests, {status['unknown']} unknown")


def _print_tapes(tapes: list[dict[str, t.Any]]) -> None:
    for tape in tapes:
        notes = [note for note, true in (("in the drive", tape["loaded"]), ("write-protected", tape["write_protected"])) if true]
        print(f"{tape['name']:12} {tape['used']} of {tape['capacity']} bytes  {', '.join(notes)}".rstrip())


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    root = options.root.resolve()
    try:
        if options.verb == "serve":
            control.serve(root, options.installations, _network(options), options.etravel)
        elif options.verb == "up":
            found = control.up(root, options.installations, _network(options), options.etravel)
            print(f"The lab is up (process {found.pid}); inventory: {control.ask({'verb': 'status'}, root)['inventory']}")
        elif options.verb == "play":
            print(_HOW_TO_PLAY.format(inventory=control.ask({"verb": "status"}, root)["inventory"]))
        elif options.verb == "down":
            print("The lab is down." if control.down(root) else "The lab did not run.")
        elif options.verb == "status":
            _print_status(control.ask({"verb": "status"}, root))
        elif options.verb == "faults":
            for name, text in LabFaults.known().items():
                print(f"{name:28} {text}")
        elif options.verb in ("fault", "clear", "empty"):
            control.ask({name: value for name, value in vars(options).items() if name != "root"}, root)
        elif options.verb == "tape":
            request = {"verb": "tape", "host": options.host, "action": options.action, "name": options.name}
            _print_tapes(control.ask({**request, "capacity": options.capacity}, root))
        elif options.verb == "advance":
            print(control.ask({"verb": "advance", "host": options.host, "seconds": options.seconds}, root))
        else:
            unknown = control.ask({"verb": "unknown"}, root)
            for one in unknown:
                print(f"{one['host']}: {one['kind']}: {one['text']}")
            return 1 if unknown else 0
    except control.ControlError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
