"""``python -m nncli``, and the console script."""

import os

_INTERRUPTED = 130


def main() -> None:
    """Runs the command line."""
    # GNU OpenMP's waiting threads spin 300,000 times before they sleep. Where another program wants the cores too,
    # that makes whole runs two thirds slower; sleeping at once makes boosting ten times slower on a quiet machine. A
    # thousand spins cost a quiet machine a tenth. The setting is read once, when torch is loaded.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    try:
        from nncli.cli.app import app
        from nncli.cli.streams import open_streams

        open_streams()
    except KeyboardInterrupt:  # later ones are the command's
        raise SystemExit(_INTERRUPTED) from None
    app(prog_name="nncli")


if __name__ == "__main__":
    main()
