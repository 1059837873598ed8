"""The Numbers and account API that clients of Nexmo and Vonage speak, as their OpenAPI documents say
(Numbers API 1.0.17, Account API 1.0.4) and as PyPI's `vonage` 4.9.1 sends and reads it."""
