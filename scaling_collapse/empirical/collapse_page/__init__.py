"""The report of `measure` as one HTML page."""
