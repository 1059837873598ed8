"""The media engines behind `call.ports.MediaEngine`: the embedded native one, and a verified fake.
"""
