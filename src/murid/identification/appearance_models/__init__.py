"""Appearance models of one recording's animals, fitted without labels."""
