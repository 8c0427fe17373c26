"""`make drill`: a whole deployment, each part of which is killed while people are in a lecture."""
