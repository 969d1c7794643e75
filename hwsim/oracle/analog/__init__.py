"""A slow analog tile: one vector, one column and one pass at a time. It reads the nouns that it is given, and imports
none of them."""
