"""Settings of the documentation site; `make docs` builds it. The pages are the Markdown files beside this one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
os.environ.setdefault("MPLBACKEND", "Agg")

from sdpbound.version import __version__  # noqa: E402

project = "sdpbound"
author = "The sdpbound developers"
copyright = "the sdpbound developers, Apache-2.0"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
    "sphinx_copybutton",
    "sphinx_design",
    "arxiv",
    "docstrings",
    "links",
    "maths",
    "pages",
    "reference",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_*", "**/*.examples"]
suppress_warnings = ["config.cache"]  # the sorting keys of the gallery are classes, which are not pickled

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "attrs_block"]
myst_heading_anchors = 4
# command lines and texts of certificates are indented blocks without a language
highlight_language = "none"

napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False  # words that describe a parameter are no names to link
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say what is taken, with shapes and units
python_use_unqualified_type_names = True

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "unsrt"

sphinx_gallery_conf = {
    "examples_dirs": ["../examples", "../tutorials"],
    "gallery_dirs": ["gallery_of_examples", "tutorials"],
    "filename_pattern": r"/plot_",  # the others take long: shown, not run
    "backreferences_dir": "reference/used_in",
    "doc_module": ("sdpbound",),
    "within_subsection_order": "FileNameSortKey",
    "remove_config_comments": True,
    "download_all_examples": True,
    "abort_on_example_error": True,
    "matplotlib_animations": False,
    "plot_gallery": "True",
    "parallel": True,  # as many at once as Sphinx has workers
    "min_reported_time": 5,
    "write_computation_times": False,
    "show_memory": False,
    "show_signature": False,
    "copyfile_regex": r".*\.csv",
    "image_scrapers": ("matplotlib",),
    "reset_modules": ("matplotlib", "gallery_look.reset"),
    "capture_repr": (),
    "nested_sections": False,
}

html_theme = "furo"
html_title = f"sdpbound {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"top_of_page_buttons": [], "navigation_with_keys": True}
