# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What exp and imp say in the languages of NLS_LANG. The English lines are the documented ones."""

from __future__ import annotations

import dataclasses
import typing as t

WITHOUT, WITH, FAILED = "without warnings", "with warnings", "unsuccessfully"


@dataclasses.dataclass(frozen=True)
class Texts:
    """``endings`` by tool (EXP, IMP) and outcome; ``numbered`` by message number, ``{0}`` is its argument."""

    names: t.Mapping[str, str]
    connected: str
    done_in: t.Mapping[str, str]
    about: str
    objects: str
    tables: str
    table: t.Mapping[str, str]
    rows: t.Mapping[str, str]
    steps: tuple[str, ...]
    endings: t.Mapping[tuple[str, str], str]
    numbered: t.Mapping[int, str]


_AMERICAN = Texts(
    names={"EXP": "Export", "IMP": "Import"},
    connected="Connected to: ",
    done_in={
        "EXP": "Export done in {0} character set and AL16UTF16 NCHAR character set",
        "IMP": "import done in {0} character set and AL16UTF16 NCHAR character set",
    },
    about="About to export specified users ...",
    objects="About to export {0}'s objects ...",
    tables=". about to export {0}'s tables via Conventional Path ...",
    table={"EXP": ". . exporting table", "IMP": ". . importing table"},
    rows={"EXP": "rows exported", "IMP": "rows imported"},
    steps=(
        ". exporting synonyms",
        ". exporting views",
        ". exporting stored procedures",
        ". exporting referential integrity constraints",
    ),
    endings={
        ("EXP", WITHOUT): "Export terminated successfully without warnings.",
        ("EXP", WITH): "Export terminated successfully with warnings.",
        ("EXP", FAILED): "Export terminated unsuccessfully",
        ("IMP", WITHOUT): "Import terminated successfully without warnings.",
        ("IMP", WITH): "Import terminated successfully with warnings.",
        ("IMP", FAILED): "Import terminated unsuccessfully",
    },
    numbered={
        2: "error in writing to export file",
        4: "invalid username or password",
        5: "all allowable logon attempts failed",
        8: "ORACLE error {0} encountered",
        9: "abnormal end of export file",
        10: "{0} is not a valid username",
        15: "following statement failed because the object already exists:",
        28: "failed to open {0} for write",
        32: "Non-DBAs may not export other users",
        33: 'Warning: FROMUSER "{0}" not found in export file',
        56: "ORACLE error {0} encountered",
        91: "Exporting questionable statistics.",
    },
)
_GERMAN = Texts(
    names={"EXP": "Export", "IMP": "Import"},
    connected="Verbunden mit: ",
    done_in={
        "EXP": "Exportieren ausgeführt mit Zeichensatz {0} und AL16UTF16-NCHAR-Zeichensatz",
        "IMP": "Importieren ausgeführt mit Zeichensatz {0} und AL16UTF16-NCHAR-Zeichensatz",
    },
    about="Angegebene Benutzer werden exportiert ...",
    objects="Objekte von {0} werden exportiert ...",
    tables=". Tabellen von {0} werden über konventionellen Pfad exportiert ...",
    table={"EXP": ". . Export der Tabelle", "IMP": ". . Import der Tabelle"},
    rows={"EXP": "Zeilen exportiert", "IMP": "Zeilen importiert"},
    steps=(
        ". Synonyme werden exportiert",
        ". Views werden exportiert",
        ". Prozeduren werden exportiert",
        ". Constraints werden exportiert",
    ),
    endings={
        ("EXP", WITHOUT): "Export-Vorgang erfolgreich ohne Warnungen beendet",
        ("EXP", WITH): "Export-Vorgang erfolgreich mit Warnungen beendet",
        ("EXP", FAILED): "Export-Vorgang nicht erfolgreich beendet",
        ("IMP", WITHOUT): "Import-Vorgang erfolgreich ohne Warnungen beendet",
        ("IMP", WITH): "Import-Vorgang erfolgreich mit Warnungen beendet",
        ("IMP", FAILED): "Import-Vorgang nicht erfolgreich beendet",
    },
    numbered={
        2: "Fehler beim Schreiben in Exportdatei",
        4: "Benutzername oder Kennwort ungültig",
        5: "Alle zulässigen Anmeldeversuche fehlgeschlagen",
        8: "ORACLE-Fehler {0} aufgetreten",
        9: "Abnormales Ende der Exportdatei",
        10: "{0} ist kein gültiger Benutzername",
        15: "Folgende Anweisung nicht erfolgreich, weil das Objekt schon existiert:",
        28: "{0} konnte nicht zum Schreiben geöffnet werden",
        32: "Nicht-DBAs dürfen keine anderen Benutzer exportieren",
        33: 'Warnung: FROMUSER "{0}" nicht in der Exportdatei gefunden',
        56: "ORACLE-Fehler {0} aufgetreten",
        91: "Fragwürdige Statistiken werden exportiert.",
    },
)
_SPANISH = Texts(
    names={"EXP": "Export", "IMP": "Import"},
    connected="Conectado a: ",
    done_in={
        "EXP": "Exportación realizada en el juego de caracteres {0} y el juego de caracteres NCHAR AL16UTF16",
        "IMP": "importación realizada en el juego de caracteres {0} y el juego de caracteres NCHAR AL16UTF16",
    },
    about="Exportando los usuarios especificados ...",
    objects="Exportando los objetos de {0} ...",
    tables=". exportando las tablas de {0} a través de la ruta de acceso convencional ...",
    table={"EXP": ". . exportando la tabla", "IMP": ". . importando la tabla"},
    rows={"EXP": "filas exportadas", "IMP": "filas importadas"},
    steps=(". exportando sinónimos", ". exportando vistas", ". exportando procedimientos", ". exportando restricciones"),
    endings={
        ("EXP", WITHOUT): "La exportación ha terminado correctamente y sin advertencias.",
        ("EXP", WITH): "La exportación ha terminado correctamente pero con advertencias.",
        ("EXP", FAILED): "La exportación ha terminado incorrectamente",
        ("IMP", WITHOUT): "La importación ha terminado correctamente y sin advertencias.",
        ("IMP", WITH): "La importación ha terminado correctamente pero con advertencias.",
        ("IMP", FAILED): "La importación ha terminado incorrectamente",
    },
    numbered={
        2: "error al escribir en el archivo de exportación",
        4: "usuario o contraseña no válidos",
        5: "han fallado todos los intentos de conexión permitidos",
        8: "se ha encontrado el error {0} de ORACLE",
        9: "final anormal del archivo de exportación",
        10: "{0} no es un usuario válido",
        15: "la siguiente sentencia ha fallado porque el objeto ya existe:",
        28: "fallo al abrir {0} para escritura",
        32: "los usuarios no DBA no pueden exportar otros usuarios",
        33: 'Advertencia: FROMUSER "{0}" no encontrado en el archivo de exportación',
        56: "se ha encontrado el error {0} de ORACLE",
        91: "Exportando estadísticas cuestionables.",
    },
)

LANGUAGES: t.Mapping[str, Texts] = {"AMERICAN": _AMERICAN, "GERMAN": _GERMAN, "SPANISH": _SPANISH}

ORA_TEXTS: t.Mapping[int, str] = {
    1034: "ORACLE not available",
    1455: "converting column overflows integer datatype",
    3113: "end-of-file on communication channel",
    12154: "TNS:could not resolve the connect identifier specified",
    12514: "TNS:listener does not currently know of service requested in connect descriptor",
    12541: "TNS:no listener",
    12560: "TNS:protocol adapter error",
}
"""Errors of the client; those of the database come from its model."""
