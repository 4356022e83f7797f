"""The whole curve of a size that has not been run."""
