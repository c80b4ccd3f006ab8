"""``python -m sdpbound``: the command line."""

from sdpbound.cli import main

if __name__ == "__main__":
    main()
