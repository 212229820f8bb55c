"""What is called from Python: `recover` with arrays of any library, shown while it goes on, saved, loaded, drawn."""
