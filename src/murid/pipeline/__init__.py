"""The flow from video to results: track, identify, enroll, and the run that they return."""
