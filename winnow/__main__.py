"""``python -m winnow``: the same as the ``winnow`` command."""

from winnow.cli import main

if __name__ == "__main__":
    main()
