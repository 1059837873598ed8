-- A node begins a lease and says what it holds. ARGV: lease, the node's name, the lease in ms, the day, the
-- leases that it had before or '', ms of settling, JSON of [[account, up, seconds, cost, rates of both]].
local lease, name, lease_ms, day = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local earlier, settle_ms = ARGV[5], tonumber(ARGV[6])

-- Some of them may never have begun; one at most has checkpoints.
for one in string.gmatch(earlier, '%S+') do
  redis.call('DEL', base .. 'held:' .. one)
  redis.call('ZREM', nodes, one)
  redis.call('ZREM', base .. 'carriers', one)
  if redis.call('EXISTS', base .. 'checkpoints:' .. one) == 1 then
    redis.call('RENAME', base .. 'checkpoints:' .. one, base .. 'checkpoints:' .. lease)
  end
end
-- A process that begins has the name alone: what another one held under it is over, and its calls are to be had
-- at once.
if earlier == '' then
  for _, one in ipairs(redis.call('ZRANGE', nodes, 0, -1)) do
    if redis.call('HGET', base .. 'held:' .. one, '') == name then
      redis.call('ZREM', nodes, one)
      if redis.call('ZSCORE', base .. 'carriers', one) then
        redis.call('ZADD', base .. 'carriers', now, one)
      else
        redis.call('DEL', base .. 'held:' .. one)
      end
    end
  end
end
local born = redis.call('SET', base .. 'born', now, 'NX') and 1 or 0
if born == 1 or earlier ~= '' then
  redis.call('SET', base .. 'settling', lease, 'PX', settle_ms)
end
renew(lease, name, lease_ms)
for _, one in ipairs(cjson.decode(ARGV[7])) do
  if one[2] > 0 then
    redis.call('HSET', base .. 'held:' .. lease, one[1], one[2])
  end
  if one[3] > 0 or one[5] > 0 then
    state(name, day, lease, one[1], one[3], one[4], one[5], one[6])
  end
end
return {
  redis.call('ZCARD', nodes),
  math.max(0, redis.call('PTTL', base .. 'settling')),
  tonumber(redis.call('GET', base .. 'seq') or 0),
  born,
}
