"""Keeps the hash of every published migration: `make baseline` adds what is new, changes nothing."""

import hashlib
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("published_migrations.sha256")


def published() -> dict[str, str]:
    """Every published migration with its hash."""
    pairs = (line.split("  ", 1) for line in FILE.read_text().splitlines())
    return {name: digest for digest, name in pairs}


def here(root: Path = ROOT) -> dict[str, str]:
    """Every migration in a tree with its hash, each service's in the order in which they apply."""
    return {
        str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(root.glob("services/*/migrations/*.sql"))
    }


def main() -> None:
    """Add those that are missing."""
    kept = here() | published()
    FILE.write_text("".join(f"{kept[name]}  {name}\n" for name in sorted(kept)))


if __name__ == "__main__":
    main()
