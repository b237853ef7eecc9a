"""Where two paths may have exchanged their animals, and the changes of paths that the evidence asks for."""
