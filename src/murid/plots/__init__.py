"""Pictures of what animals did, drawn with matplotlib (extra ``report``)."""
