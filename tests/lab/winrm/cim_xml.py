# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CIM instances and method results as XML."""

from __future__ import annotations

import datetime
import typing as t
from xml.sax.saxutils import escape

from tests.lab.winrm.soap import NS

_DECLARED = f'xmlns:cim="{NS["cim"]}" xmlns:xsi="{NS["xsi"]}"'


def _time(value: datetime.datetime) -> str:
    text = value.isoformat(timespec="microseconds")
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def _text(value: t.Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(str(value))


def _property(prefix: str, name: str, value: t.Any) -> str:
    if value is None:
        return f'<{prefix}{name} xsi:nil="true"/>'
    if isinstance(value, dict):
        inside = "".join(_property("e:" if prefix else "", key, inner) for key, inner in value.items())
        declared = f' xmlns:e="{NS["xsi"]}/embedded/{name}"' if prefix else ""
        return f"<{prefix}{name}{declared}>{inside}</{prefix}{name}>"
    if isinstance(value, datetime.datetime):
        inner = "cim:Datetime" if prefix else "Datetime"
        return f"<{prefix}{name}><{inner}>{_time(value)}</{inner}></{prefix}{name}>"
    return f"<{prefix}{name}>{_text(value)}</{prefix}{name}>"


def class_uri(namespace: str, class_name: str) -> str:
    return f"http://schemas.microsoft.com/wbem/wsman/1/wmi/{namespace}/{class_name}"


def instance_xml(namespace: str, class_name: str, instance: t.Mapping[str, t.Any]) -> str:
    """The whole instance, in its class's namespace."""
    properties = "".join(_property("p:", name, value) for name, value in instance.items())
    uri = class_uri(namespace, class_name)
    return f'<p:{class_name} xmlns:p="{uri}" {_DECLARED} xsi:type="p:{class_name}_Type">{properties}</p:{class_name}>'


def fragment_xml(columns: t.Sequence[str], instance: t.Mapping[str, t.Any]) -> str:
    """Some properties of an instance, as a query that names columns gives them. Raises KeyError for an unknown one."""
    names = {name.lower(): name for name in instance}
    properties = "".join(_property("", names[column.lower()], instance[names[column.lower()]]) for column in columns)
    return f'<w:XmlFragment xmlns:xsi="{NS["xsi"]}">{properties}</w:XmlFragment>'


def output_xml(namespace: str, class_name: str, method: str, values: t.Mapping[str, t.Any]) -> str:
    properties = "".join(_property("p:", name, value) for name, value in values.items())
    return f'<p:{method}_OUTPUT xmlns:p="{class_uri(namespace, class_name)}" {_DECLARED}>{properties}</p:{method}_OUTPUT>'
