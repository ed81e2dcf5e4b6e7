"""``python -m nncli``, and the console script."""


def main() -> None:
    """Runs the command line."""
    from nncli.cli.app import app

    app(prog_name="nncli")


if __name__ == "__main__":
    main()
