"""Training of networks, from data to ONNX files and a model card. Needs the extra ``train``."""
