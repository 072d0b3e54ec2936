"""Sphinx's settings; `build.py` lays the pages beside a copy of this file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(os.environ["ASAP_SITE_SCRIPTS"])))

import asap_lightning

project = "asap-lightning"
version = release = asap_lightning.__version__
author = "The asap-lightning authors"
project_copyright = author
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "house"]
root_doc = "index"
exclude_patterns = ["_static"]
nitpicky = False  # types in signatures are spelled as in the code, most of them are other projects'

# Markdown as GitHub reads it: anchors of headings, and bare blocks are no Python.
myst_heading_anchors = 6
myst_links_external_new_tab = False
highlight_language = "text"
suppress_warnings: list[str] = []

nb_execution_mode = os.environ["ASAP_SITE_NOTEBOOKS"]
nb_execution_cache_path = os.environ["ASAP_SITE_CACHE"]
nb_execution_timeout = 1800
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # nothing is fetched from another site

default_role = "py:obj"  # a name in single backquotes is a link where it is documented
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
add_module_names = False
napoleon_numpy_docstring = False
napoleon_use_ivar = True
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = f"asap-lightning {release}"
html_static_path = [str(Path(os.environ["ASAP_SITE_SCRIPTS"]) / "static")]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_sphinx = False
html_last_updated_fmt = None
html_theme_options = {"navigation_with_keys": True}
