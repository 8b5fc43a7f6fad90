"""The report: pages and cards with the results of the gate, from its `gate.json` alone."""
