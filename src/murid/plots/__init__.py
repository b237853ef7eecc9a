"""Figures of the behaviour of animals, drawn with matplotlib (extra ``report``)."""
