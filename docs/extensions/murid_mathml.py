"""Render equations as MathML, so that pages load no script from elsewhere and work offline."""

from __future__ import annotations

from typing import Any

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml

# Equations that are wider than the page scroll.
_BLOCK_STYLE = (
    "margin: 1.2em 0; padding: 0.2em 0; text-align: center; overflow-x: auto; overflow-y: hidden"
)


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx; ``html_math_renderer = "mathml"`` selects it."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _visit_inline(translator: Any, node: Any) -> None:
    translator.body.append(tex2mathml(node.astext(), as_block=False))
    raise SkipNode


def _visit_block(translator: Any, node: Any) -> None:
    equation = tex2mathml(node.astext(), as_block=True)
    translator.body.append(f'<div style="{_BLOCK_STYLE}">{equation}</div>\n')
    raise SkipNode
