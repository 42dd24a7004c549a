"""What the reader did: tokens, rewriting, the pixel and the click redirect."""
