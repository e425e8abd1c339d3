"""Many films: plans of units, one unit, runs on a cluster, and one dictionary over all of them."""
