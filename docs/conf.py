"""Settings of the documentation site (`make docs`)."""

import logging

from docutils.nodes import Element
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from bench import __version__

project = "codec-robustness-bench"
author = "the authors of codec-robustness-bench"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]
default_role = "literal"  # docstrings put code between single backticks
highlight_language = "none"  # commands and their output
toc_object_entries_show_parents = "hide"

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_default_options = {"special-members": "__call__"}  # of attacks, objectives, defences
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # autodoc documents the fields; a second entry would be a warning

intersphinx_mapping = {
    "python": ("https://docs.python.org/3", None),
    "numpy": ("https://numpy.org/doc/stable", None),
    "torch": ("https://pytorch.org/docs/stable", None),
    "compressai": ("https://interdigitalinc.github.io/CompressAI", None),
}
intersphinx_timeout = 5

html_theme = "pydata_sphinx_theme"
html_title = "codec-robustness-bench"
html_theme_options = {"show_toc_level": 2, "secondary_sidebar_items": ["page-toc"]}


def _only_inform(record: logging.LogRecord) -> bool:
    """Without a network the site is built without links to other projects: no warning."""
    if record.getMessage().startswith("failed to reach any of the inventories"):
        record.levelno, record.levelname = logging.INFO, "INFO"
    return True


def _name_in_full(app: Sphinx, env: BuildEnvironment, node: Element, content: Element) -> None:
    """Modules import Tensor for type checkers only, so autodoc does not know whose it is."""
    del app, env, content
    if node.get("reftarget") == "Tensor":
        node["reftarget"] = "torch.Tensor"


def setup(app: Sphinx) -> None:
    """Connect the hooks above."""
    logging.getLogger("sphinx.sphinx.ext.intersphinx").addFilter(_only_inform)
    app.connect("missing-reference", _name_in_full, priority=400)  # before intersphinx
