"""``python -m nncli``, and the console script."""

import os


def main() -> None:
    """Runs the command line."""
    # Waiting threads sleep instead of spinning. Quiet machines show no difference; where another program wants the
    # cores too, a training step of two threads was 3 to 25 times faster. OpenMP reads it once, when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from nncli.cli.app import app

    app(prog_name="nncli")


if __name__ == "__main__":
    main()
