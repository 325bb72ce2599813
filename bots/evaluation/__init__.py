"""``python -m bots eval``: the test bench of core/testbench on a bot's folder, with a table, JSON and an HTML report."""
