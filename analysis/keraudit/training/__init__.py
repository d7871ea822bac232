"""One network trained with one recipe and one seed, stopped and resumed at will; its record."""
