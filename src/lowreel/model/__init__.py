"""What a clip is made of: codes, a generator, and both with the frame times."""
