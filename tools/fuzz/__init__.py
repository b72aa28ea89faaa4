"""Generated hosts, broken at random, diagnosed, recovered and judged (docs/fuzzing.md). Run as `make fuzz`."""
