"""How weights are made: streamed scenes in, a network and its ONNX pair out. Needs the extra ``train``."""
