"""Solvers of the expected loss of one-pass SGD (exact, fast) and of its scatter over seeds."""
