"""``winnow`` and ``python -m winnow``: signals first, so that also a Ctrl-C while the
command line is imported ends with a sentence.
"""

from __future__ import annotations

from winnow import signals


def main() -> None:
    """Run the command line."""
    signals.install()
    try:
        from winnow.cli import main as run

        run()
    except KeyboardInterrupt:
        signals.end()


if __name__ == "__main__":
    main()
