"""The three rooms meet: what theory and simulator predict, and what curve tables say. One file per kind of claim."""
