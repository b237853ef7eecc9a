"""Scoring of result files against ground truth files: checks, tables, and a report."""

from murid.evaluation.evaluate import Evaluation, evaluate
from murid.evaluation.tables import format_markdown, format_summary, format_text, to_document

__all__ = [
    "Evaluation",
    "evaluate",
    "format_markdown",
    "format_summary",
    "format_text",
    "to_document",
]
