"""Files of lectures: what was sent, where its bytes are, who may have them."""
