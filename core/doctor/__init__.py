"""`audimax doctor`: looks at everything that can be wrong, and says how to mend it."""
