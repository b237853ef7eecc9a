"""Write tracks in the formats of other programs."""
