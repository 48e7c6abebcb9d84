"""What subscriptions need to lose nothing: events, who is to hear of which, and how far each subscription has come."""
