"""Every picture of the command line, on one canvas; matplotlib lives here and in `paper_figures` alone."""
