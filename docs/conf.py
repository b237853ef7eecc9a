"""How the documentation is built: ``sphinx-build -W docs site``."""

import sys
from importlib.metadata import version as get_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "murid"
author = "the murid developers"
release = version = get_version("murid")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
    # Fills the command line and the settings into the reference.
    "murid_reference",
    "murid_mathml",
]
myst_enable_extensions = ["deflist", "dollarmath", "colon_fence"]
myst_heading_anchors = 3
# A single backtick in a docstring is a name.
default_role = "code"
source_suffix = [".md", ".rst"]
exclude_patterns = [
    "_templates/*",
    "examples/*",
    "sg_execution_times.rst",
    "gallery/sg_execution_times.rst",
]
suppress_warnings = ["config.cache"]

autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"[\\/]",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "min_reported_time": 5,
    # The tutorials are numbered; by default sphinx-gallery sorts by length.
    "within_subsection_order": "FileNameSortKey",
}

html_math_renderer = "mathml"

html_theme = "pydata_sphinx_theme"
html_title = "murid"
html_static_path = ["_static"]
html_css_files = ["murid.css"]
html_show_sourcelink = False
templates_path = ["_templates"]
html_sidebars = {"**": ["sidebar-all.html"]}
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "show_prev_next": True,
    # The sidebar lists all sections already.
    "navbar_center": [],
    "secondary_sidebar_items": ["page-toc"],
}
