"""Keypoints of the identities over time: head and tail told apart, smoothed, gaps interpolated.

1. `axis_evidence`: what each frame says about which end is the head.
2. `head_tail`: a hidden Markov model exchanges nose and tail base where they were confused.
3. `smoothing`: keypoints that are consistent over time.
4. `gaps`: interpolated keypoints.
5. `identity_keypoints`: all of it together, for an `IdentificationResult`.
6. `track_keypoints`: head and tail of tracks, chunk by chunk.
"""
