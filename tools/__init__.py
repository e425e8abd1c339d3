"""Tools around caststream: training, benchmarks and drawn cartoons; not part of the wheel."""
