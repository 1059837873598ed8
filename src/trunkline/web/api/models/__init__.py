"""The bodies of requests and responses, in the field's words. `New…` makes a thing, `…Update` changes one."""
