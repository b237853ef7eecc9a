"""Appearance that only the video shows: colour features, fur descriptors, tracked points.

`colour_features` serve re-identification (`murid.reid`). `fur_descriptors` and the KLT
`point_tracker` serve identification: `second_pass` reads the video once more and runs their
`collectors`; `second_pass_tables` stores the results in the run.
"""
