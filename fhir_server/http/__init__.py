"""The HTTP door: ASGI application, dispatcher, content negotiation, responses."""
