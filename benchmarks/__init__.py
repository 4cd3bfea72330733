"""Side-by-side measurements: ours beside its peers, on the same machine in one run. Ratios count, seconds do not.

Run by hand (`make bench`, or one of the files), never as tests. Every module with a `main` is one measurement.
"""
