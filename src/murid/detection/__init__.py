"""Detect animals in images: with a network, or by background subtraction."""
