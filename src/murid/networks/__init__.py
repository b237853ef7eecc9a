"""Networks in PyTorch: the RTM detector, the RIM re-identification branch, losses and export."""
