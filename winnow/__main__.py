"""``winnow`` and ``python -m winnow``: signals first, so that also a Ctrl-C while the
command line is imported ends with a sentence.
"""

from __future__ import annotations

import os

from winnow.core import signals

FOR_OTHERS = 0o007
"""What is written has no rights for others than its owner and group: it may hold
personal data. A umask that takes away more stays as it is.
"""


def main() -> None:
    """Run the command line."""
    signals.install()
    os.umask(os.umask(0o077) | FOR_OTHERS)
    try:
        from winnow.cli.main import main as run

        run()
    except KeyboardInterrupt:
        signals.end()


if __name__ == "__main__":
    main()
