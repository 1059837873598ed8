-- A node takes over calls of dead nodes: those under lapsed leases whose media it can reach, once every node
-- has had time to say that it lives. ARGV: lease, the node's name, how many at once, JSON of the places. The
-- answer: call, checkpoint, call, checkpoint, …
local lease, name, at_once, places = ARGV[1], ARGV[2], tonumber(ARGV[3]), {}
local TAKEN_KEPT_S, STILL_COUNTS_MS = 172800, 5000
for _, place in ipairs(cjson.decode(ARGV[4])) do
  places[place] = true
end
local lapses_at = redis.call('ZSCORE', nodes, lease)
if not lapses_at or redis.call('EXISTS', base .. 'settling') == 1 then
  return {}
end
redis.call('ZREMRANGEBYSCORE', base .. 'claimed', '-inf', now)
local own, claimed = base .. 'checkpoints:' .. lease, {}
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', base .. 'carriers', '-inf', now)) do
  local theirs = base .. 'checkpoints:' .. dead
  local calls = redis.call('HKEYS', theirs)
  if #calls == 0 then
    redis.call('ZREM', base .. 'carriers', dead)
    redis.call('ZADD', base .. 'claimed', now + STILL_COUNTS_MS, dead)
  end
  for _, call in ipairs(calls) do
    if #claimed >= 2 * at_once then
      break
    end
    local text = redis.call('HGET', theirs, call)
    local place, rest = string.match(text, '^(%S+) (.*)$')
    if places[place] then
      redis.call('HDEL', theirs, call)
      redis.call('HSET', own, call, text)
      redis.call('SET', base .. 'taken:' .. call, name, 'EX', TAKEN_KEPT_S)
      claimed[#claimed + 1] = call
      claimed[#claimed + 1] = rest
    end
  end
end
carry(lease, lapses_at - now)
return claimed
