"""How the product is built, run on one machine and observed."""
