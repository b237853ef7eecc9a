"""``python -m murid``: the same as ``murid``."""

from murid.cli import main

if __name__ == "__main__":
    main()
