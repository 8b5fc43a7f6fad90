"""Tests: a file for each module, in rooms like the code's, and tests that cross the floors."""
