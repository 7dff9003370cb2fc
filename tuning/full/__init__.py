"""Full tuning: quadratics, smooth losses and networks, and the curvature along their runs."""
