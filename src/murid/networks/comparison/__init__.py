"""Backbones and detectors of the paper's comparisons: ResNet, DLA, HarDNet and plain YOLOX."""
