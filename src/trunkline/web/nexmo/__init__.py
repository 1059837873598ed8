"""The Numbers and account API that clients of Nexmo and Vonage speak."""
