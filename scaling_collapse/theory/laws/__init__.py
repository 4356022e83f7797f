"""Sums of power laws: their compute optimum, their normalized curves, and the derivation in steps."""
