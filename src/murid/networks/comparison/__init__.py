"""Backbones and heads that the paper compares with: ResNet, DLA, HarDNet and plain YOLOX."""
