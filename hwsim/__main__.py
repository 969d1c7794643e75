"""`python -m hwsim`: the command line."""

from hwsim.cli.main import run

if __name__ == "__main__":
    run()
