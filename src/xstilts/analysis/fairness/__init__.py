"""How evenly languages and families are served: measures, changes, and who is harmed."""
