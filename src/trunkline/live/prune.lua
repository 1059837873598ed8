-- Drop what is kept of a kind and holds no more. ARGV: the kind, the keys to look at.
local kept = base .. 'kept:' .. ARGV[1]
for index = 2, #ARGV do
  local value = redis.call('HGET', kept, ARGV[index])
  if value and tonumber(string.match(value, '^%d+')) <= now then
    redis.call('HDEL', kept, ARGV[index])
  end
end
return redis.call('HLEN', kept)
