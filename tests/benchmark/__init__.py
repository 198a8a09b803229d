"""How fast it is: `make bench` measures and writes README.md beside this; `soak` says what it takes over an hour."""
