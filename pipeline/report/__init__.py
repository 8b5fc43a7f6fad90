"""The report: a page for each judged model, drawn from the gate's `gate.json` alone."""
