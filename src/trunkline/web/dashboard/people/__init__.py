"""The pages of those who sign in: their credentials, the users, and what they changed."""
