"""Real servers on one machine, without Java, Maven, Postgres or Docker: for the demo, the tests and the benchmarks."""
