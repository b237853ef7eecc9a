"""Arenas in the browser: the drawings of several videos, and the page that changes them."""
