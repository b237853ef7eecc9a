"""Finds the animals in pictures: a network on OpenVINO, or differences to the background."""
