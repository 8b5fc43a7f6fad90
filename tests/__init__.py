"""One file a module, plus tests that cross floors."""
