"""Do the curves of a ladder collapse: the measurement, the verdict, the report."""
