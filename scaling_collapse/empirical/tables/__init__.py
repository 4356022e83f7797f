"""Any source in, the curve table out: readers, rows, targets, the writer, files."""
