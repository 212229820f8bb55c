"""What any program needs: files that are whole or absent, memory, processes, checkpoints, random numbers."""
