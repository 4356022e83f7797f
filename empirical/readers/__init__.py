"""One reader per kind of source; each turns its source into a curve table."""
