-- The head of each script. Time is the server's alone: a node with a wrong clock does no harm.
--
--   nodes             sorted set: lease -> when it lapses (ms)
--   held:<lease>      hash: account -> its calls that are up; '' -> the node's name. Expires with the lease, or
--                     with its checkpoints
--   day:<day>         set of the names of nodes with usage of that day
--   day:<day>:<name>  hash: account -> [seconds, cost, seconds a second, cost a second, lease, since (ms)]
--   rate:<account>    list: when the calls of the last second were admitted (µs)
--   settling          there while not every node may have said what it holds
--   born              there since the data began
--   seq, events       the number of the last notice, and a stream of the last ones
--   kept:<kind>       hash: key -> until (ms), a space, the text of the notice
--   ends:<kind>       sorted set: the same keys, by when they end
--   gone:<kind>       sorted set: keys that were taken back lately, by when that is forgotten
--   checkpoints:<lease>  hash: call -> where its media are, a space, its checkpoint. Outlives the lease a while
--   carriers          sorted set: leases with checkpoints, by when they lapse (ms)
--   claimed           sorted set: lapsed leases whose last checkpoint was claimed, by until when (ms) what they
--                     held still counts: the nodes that go on with their calls have said so by then
--   taken:<call>      the name of the node that goes on with this call of a dead one
local base = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_us = time[1] * 1000000 + time[2]
local nodes = base .. 'nodes'
local DAY_KEPT_S = 172800
local CHECKPOINTS_KEPT_MS = 120000

redis.call('ZREMRANGEBYSCORE', nodes, '-inf', now)

local function carry(lease, lease_ms)
  if redis.call('PEXPIRE', base .. 'checkpoints:' .. lease, lease_ms + CHECKPOINTS_KEPT_MS) == 1 then
    redis.call('PEXPIRE', base .. 'held:' .. lease, lease_ms + CHECKPOINTS_KEPT_MS)
    redis.call('ZADD', base .. 'carriers', now + lease_ms, lease)
  end
end

local function renew(lease, name, lease_ms)
  local held = base .. 'held:' .. lease
  redis.call('HSET', held, '', name)
  redis.call('PEXPIRE', held, lease_ms)
  redis.call('ZADD', nodes, now + lease_ms, lease)
  carry(lease, lease_ms)
end

-- What an account has used of a day at the node `name`. It only grows, so a lower statement (of a node whose
-- records of before a crash know less) changes nothing.
local function state(name, day, lease, account, seconds, cost, seconds_rate, cost_rate)
  local names = base .. 'day:' .. day
  local key = names .. ':' .. name
  local before = redis.call('HGET', key, account)
  if before then
    local old = cjson.decode(before)
    seconds = math.max(seconds, old[1])
    cost = math.max(cost, old[2])
  end
  redis.call('HSET', key, account, cjson.encode({seconds, cost, seconds_rate, cost_rate, lease, now}))
  redis.call('EXPIRE', key, DAY_KEPT_S)
  redis.call('SADD', names, name)
  redis.call('EXPIRE', names, DAY_KEPT_S)
end
