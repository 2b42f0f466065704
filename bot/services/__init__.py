"""What the product does. Knows no Slack, no HTML, no clock and no sentence."""
