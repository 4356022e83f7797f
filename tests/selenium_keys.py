"""Codes of keys as WebDriver names them: importing them from selenium would need selenium."""

LEFT, RIGHT, DOWN = "\ue012", "\ue014", "\ue015"
