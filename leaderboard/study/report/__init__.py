"""`bench report`: the study of Sun et al. (arXiv 2401.10345) from finished runs."""
