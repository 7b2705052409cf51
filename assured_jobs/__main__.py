"""The way in. `healthcheck` is looked for first: it runs every few seconds, and the other verbs import a great deal."""

from __future__ import annotations

import sys


def main() -> None:
    if sys.argv[1:2] == ["healthcheck"] and not any(word.startswith("-") for word in sys.argv[2:]):
        from .healthcheck import main as healthcheck  # noqa: PLC0415 - see above

        sys.exit(healthcheck(sys.argv[2:]))
    from .cli import main as verbs  # noqa: PLC0415 - see above

    verbs()


if __name__ == "__main__":
    main()
