"""Load XML files of labels, and tell the formats apart that are written as XML.

Entities are refused: a few nested ones can fill the memory, and others read files of the machine.
Labels have none.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from murid.datasets.json_files import read_start
from murid.errors import FormatError

_ROOT = re.compile(r"<([A-Za-z_][\w.:-]*)")


class _EntityError(Exception):
    """The file declares an entity."""


def load_xml(path: Path) -> Element:
    """Return the root of a file; raises `FormatError` if it is not XML, or declares entities."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = _refuse_entity
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except expat.ExpatError as error:
        field = f"line {error.lineno}, column {error.offset + 1}"
        raise FormatError(path, field, "XML", expat.ErrorString(error.code)) from error
    except _EntityError as error:
        raise FormatError(path, "file", "XML without entities", str(error)) from error
    except (OSError, ValueError) as error:
        raise FormatError(path, "file", "a readable XML file", str(error)) from error
    return builder.close()


def _refuse_entity(name: str, *_: Any) -> NoReturn:
    raise _EntityError(f"the entity {name}")


def find_root(path: Path) -> str:
    """Return the name of the root of an XML file; empty if it is none."""
    if path.suffix.lower() != ".xml":
        return ""
    start = re.sub(r"<!--.*?-->", "", read_start(path), flags=re.DOTALL)
    found = _ROOT.search(start)
    return found.group(1) if found else ""


def get_text(element: Element, name: str) -> str:
    """Return the text of an inner element; empty if there is none."""
    return (element.findtext(name) or "").strip()
