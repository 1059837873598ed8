-- What a node has to say and to ask, as one step. ARGV: lease, the node's name, the lease in ms, the day, the
-- number of the last notice that it knows, JSON of what it says: the forms of `words.py`. The answer is empty
-- when the lease has lapsed: nothing was done then.
local lease, name, lease_ms, day = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local since = tonumber(ARGV[5])
local NOTICES_AT_ONCE, NOTICES_KEPT = 500, 10000
local SWEPT_AT_ONCE, KEPT_MAX = 20, 500000
local GONE_MS, OUTLIVED_MS = 60000, 30000
local NEARLY_S = 0.001

if not redis.call('ZSCORE', nodes, lease) then
  return {}
end
renew(lease, name, lease_ms)
local settling_ms = math.max(0, redis.call('PTTL', base .. 'settling'))
local live = redis.call('ZRANGE', nodes, 0, -1)
local held = base .. 'held:' .. lease

-- Lapsed leases whose calls others may be about to go on with: what they held counts until that is decided.
local outlived = redis.call('ZRANGEBYSCORE', base .. 'carriers', now - OUTLIVED_MS, now)
for _, one in ipairs(redis.call('ZRANGEBYSCORE', base .. 'claimed', string.format('(%.0f', now), '+inf')) do
  outlived[#outlived + 1] = one
end

local function up_elsewhere(account)
  local up = 0
  for _, one in ipairs(live) do
    if one ~= lease then
      up = up + (redis.call('HGET', base .. 'held:' .. one, account) or 0)
    end
  end
  for _, one in ipairs(outlived) do
    up = up + (redis.call('HGET', base .. 'held:' .. one, account) or 0)
  end
  return up
end

-- Of the day, at the other nodes and at this one: seconds, cost, and by how much they grow in a second. What a
-- node said grows for as long as the lease lives that it was said with.
local function used(account)
  local there, here = {0, 0, 0, 0}, {0, 0, 0, 0}
  for _, who in ipairs(redis.call('SMEMBERS', base .. 'day:' .. day)) do
    local text = redis.call('HGET', base .. 'day:' .. day .. ':' .. who, account)
    if text then
      local said = cjson.decode(text)
      local sum = who == name and here or there
      sum[1] = sum[1] + said[1]
      sum[2] = sum[2] + said[2]
      if (said[3] > 0 or said[4] > 0) and redis.call('ZSCORE', nodes, said[5]) then
        local age_s = (now - said[6]) / 1000
        sum[1] = sum[1] + said[3] * age_s
        sum[2] = sum[2] + said[4] * age_s
        sum[3] = sum[3] + said[3]
        sum[4] = sum[4] + said[4]
      end
    end
  end
  return there, here
end

local function is_used_up(most, value, rate)
  return most and value + rate * NEARLY_S >= most
end

local function answer(word, up, there)
  return {
    word, up,
    string.format('%.17g', there[1]), string.format('%.17g', there[2]),
    string.format('%.17g', there[3]), string.format('%.17g', there[4]),
  }
end

-- ["ask", account, calls at a time, calls a second, seconds a day, cost a day]: false is no limit.
local function ask(account, most, rate, seconds, cost)
  local up = up_elsewhere(account)
  local there, here = {0, 0, 0, 0}, {0, 0, 0, 0}
  if seconds or cost then
    there, here = used(account)
  end
  if most and up + (redis.call('HGET', held, account) or 0) >= most then
    return answer('call', up, there)
  end
  local begun = base .. 'rate:' .. account
  if rate then
    local first = redis.call('LINDEX', begun, 0)
    while first and now_us - first >= 1000000 do
      redis.call('LPOP', begun)
      first = redis.call('LINDEX', begun, 0)
    end
    if redis.call('LLEN', begun) >= rate then
      return answer('rate', up, there)
    end
  end
  if is_used_up(seconds, there[1] + here[1], there[3] + here[3]) then
    return answer('minutes', up, there)
  end
  if is_used_up(cost, there[2] + here[2], there[4] + here[4]) then
    return answer('cost', up, there)
  end
  if rate then
    redis.call('RPUSH', begun, string.format('%.0f', now_us))
    redis.call('PEXPIRE', begun, 1000)
  end
  redis.call('HINCRBY', held, account, 1)
  return answer('yes', up, there)
end

-- ["use", account, calls more, [seconds, cost, rates of both] or false, whether to answer with the others']
local function use(account, more, said, wants)
  if more ~= 0 and redis.call('HINCRBY', held, account, more) <= 0 then
    redis.call('HDEL', held, account)
  end
  if said then
    state(name, day, lease, account, said[1], said[2], said[3], said[4])
  end
  if not wants then
    return {}
  end
  local there = used(account)
  return answer('', up_elsewhere(account), there)
end

-- ["base", name of another node, account, seconds, cost]: what its records say of the day.
local function rest(who, account, seconds, cost)
  local text = redis.call('HGET', base .. 'day:' .. day .. ':' .. who, account)
  if not text or cjson.decode(text)[1] < seconds then
    state(who, day, '', account, seconds, cost, 0, 0)
  end
  return {}
end

-- ["tell", kind, key, text, ms that it holds]: 0 ms takes it back; false says it once, and keeps nothing.
local function tell(kind, key, text, for_ms)
  local kept, ends, gone = base .. 'kept:' .. kind, base .. 'ends:' .. kind, base .. 'gone:' .. kind
  if for_ms == 0 then
    redis.call('HDEL', kept, key)
    redis.call('ZREM', ends, key)
    redis.call('ZREMRANGEBYSCORE', gone, '-inf', now)
    redis.call('ZADD', gone, now + GONE_MS, key)
    redis.call('PEXPIRE', gone, GONE_MS)
  elseif for_ms then
    redis.call('ZREM', gone, key)
    redis.call('HSET', kept, key, string.format('%.0f ', now + for_ms) .. text)
    redis.call('ZADD', ends, now + for_ms, key)
    local over = redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, SWEPT_AT_ONCE)
    if redis.call('ZCARD', ends) > KEPT_MAX then
      over[#over + 1] = redis.call('ZRANGE', ends, 0, 0)[1]
    end
    for _, one in ipairs(over) do
      redis.call('HDEL', kept, one)
      redis.call('ZREM', ends, one)
    end
  end
  local number = redis.call('INCR', base .. 'seq')
  redis.call('XADD', base .. 'events', 'MAXLEN', '~', NOTICES_KEPT, string.format('%.0f-0', number),
    'lease', lease, 'kind', kind, 'key', key, 'text', text, 'for', for_ms or '', 'at', now)
  return {}
end

-- ["again", ...] as "tell": said before, to a server that may have lost it. What somebody else has said of the
-- key meanwhile holds instead; the node hears of it.
local function again(kind, key, text, for_ms)
  local until_ms = string.match(redis.call('HGET', base .. 'kept:' .. kind, key) or '', '^%d+')
  local gone_until = redis.call('ZSCORE', base .. 'gone:' .. kind, key)
  if tonumber(until_ms or 0) > now or tonumber(gone_until or 0) > now then
    return {}
  end
  return tell(kind, key, text, for_ms)
end

-- ["post", name of a node, text]
local function post(to, text)
  return {redis.call('PUBLISH', base .. 'post:' .. to, text) > 0 and 'sent' or 'nobody'}
end

-- ["checkpoint", call, where its media are, text]: unless another node goes on with the call.
local function checkpoint(call, place, text)
  local owner = redis.call('GET', base .. 'taken:' .. call)
  if owner and owner ~= name then
    return {'taken'}
  end
  redis.call('HSET', base .. 'checkpoints:' .. lease, call, place .. ' ' .. text)
  carry(lease, lease_ms)
  return {}
end

-- ["forget", call]: it has ended.
local function forget(call)
  redis.call('HDEL', base .. 'checkpoints:' .. lease, call)
  return {}
end

local doing = {
  ask = ask, use = use, base = rest, tell = tell, again = again, post = post,
  checkpoint = checkpoint, forget = forget,
}
local answers = {}
for index, one in ipairs(cjson.decode(ARGV[6])) do
  if one[1] == 'ask' and settling_ms > 0 then
    answers[index] = {'settling'}
  else
    answers[index] = doing[one[1]](unpack(one, 2))
  end
end

local notices, expected, gap = {}, since + 1, 0
local newest = tonumber(redis.call('GET', base .. 'seq') or 0)
if newest > since then
  local found = redis.call('XRANGE', base .. 'events', string.format('(%.0f-0', since), '+',
    'COUNT', NOTICES_AT_ONCE)
  for _, entry in ipairs(found) do
    local number = tonumber(string.match(entry[1], '^%d+'))
    if number ~= expected then
      gap = 1
    end
    expected = number + 1
    local field = entry[2]
    if field[2] ~= lease then
      local left = field[10]
      if left ~= '' and left ~= '0' then
        left = string.format('%.0f', math.max(0, left - (now - field[12])))
      end
      notices[#notices + 1] = {field[4], field[6], field[8], left}
    end
  end
  if #found == 0 then
    gap = 1
  end
end
local orphans = settling_ms == 0 and redis.call('ZCOUNT', base .. 'carriers', '-inf', now) or 0
return {#live, settling_ms, newest, expected - 1, gap, orphans, answers, notices}
