"""Format HTML pages and tables for reports."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def format_page(title: str, style: str, body: str) -> str:
    """Return a page with a style sheet; `title` and `body` are HTML already."""
    head = f'<meta charset="utf-8"><title>{title}</title><style>{style}</style>'
    return f"<!doctype html><html lang=en><head>{head}</head><body>{body}</body></html>\n"


def format_table(cells: Sequence[Sequence[str]]) -> str:
    """Return a table of plain text; the first row is the heading."""
    heading, *rows = cells
    header_cells = "".join(f"<th>{escape(cell)}</th>" for cell in heading)
    lines = []
    for row in rows:
        values = "".join(f"<td>{escape(cell)}</td>" for cell in row)
        lines.append(f"<tr>{values}</tr>")
    return f"<table><tr>{header_cells}</tr>{''.join(lines)}</table>"
