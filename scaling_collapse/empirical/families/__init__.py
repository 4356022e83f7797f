"""Families of models scaled together: each size's numbers from a stated recipe, and which of them a family kept."""
