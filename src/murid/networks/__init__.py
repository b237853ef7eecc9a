"""The network in PyTorch: RTM detector and RIM re-identification, their targets, losses, checkpoints and export."""
