"""The phases of power-law random features: which terms their loss has, and where one phase ends."""
