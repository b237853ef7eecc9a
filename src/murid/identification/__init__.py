"""Identification: which animal is where in a whole recording, by tracklet stitching.

`linker.link_tracklets` calls the other modules of this folder in this order:

1. `tracklets`, `occlusion`, `motion`, `bidirectional_tracks`, `point_matches`, `point_match_score`:
   chain detections into tracklets, and measure these. `evidence` holds the results.
2. `appearance_models`: learn what tells the animals of this recording apart.
3. `paths`: join the tracklets into at most N paths by min-cost flow.
4. `swaps`: swap animals and reassign tracklets where this increases the likelihood of the paths.
   `stitching` repeats steps 2 to 4: better paths show more of the appearance of each animal.
5. `animal_count`: check that there are not more animals than paths.
6. `identity_probability`: compute how likely each identity is right.
7. `identity_boxes`: recover detections, fill gaps and smooth boxes. `result` holds the outcome.

`keypoints.identity_keypoints.complete_keypoints` then makes the keypoints of the identities
consistent over time.
"""

from murid.identification.config import IdentificationConfig
from murid.identification.keypoints.identity_keypoints import complete_keypoints
from murid.identification.linker import link_tracklets
from murid.identification.result import DoubtfulCrossings, IdentificationResult

__all__ = [
    "DoubtfulCrossings",
    "IdentificationConfig",
    "IdentificationResult",
    "complete_keypoints",
    "link_tracklets",
]
