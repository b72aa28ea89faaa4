"""What makes pages, recordings and measurements of this checkout: no part of what is installed."""
