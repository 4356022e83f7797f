"""A run in progress against its family: where it will end."""
