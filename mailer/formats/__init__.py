"""How staff pages write dates, by language."""
