"""Benchmarks: `make bench`. Real servers, medians of several runs, floors measured in the same run."""
