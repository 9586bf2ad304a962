"""What every source and every storage must keep, as test classes to inherit from."""
