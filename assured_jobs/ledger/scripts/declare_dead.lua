-- declare_dead: alive -> dead. The judgement is checked again here, where it takes effect: a heartbeat
-- or a presence that came back since the judge looked annuls it. Where recovery is only observed, the instance
-- stays alive, and it is written down, once, that it would be dead.
--
-- KEYS[1] alive   ZSET  instance id -> last heartbeat, ms
-- KEYS[2] dead    ZSET  instance id -> died at, ms
-- KEYS[3] deaths  HASH  instance id -> "<last heartbeat ms> <draining 0|1> <cause>\n<signs>"
-- KEYS[4] vitals  HASH  instance id -> "<run_id> <draining> <signs>"
-- KEYS[5] observed  ZSET  instance id -> seen dead at, ms
-- KEYS[6] entries HASH  delivery -> entry, of this instance   KEYS[7] aboard HASH  instance id -> its suspect
-- KEYS[8] owners  HASH  delivery -> "<instance id> <token> <ack set>"
-- ARGV[1] instance id
-- ARGV[2] last heartbeat the judge saw, ms
-- ARGV[3] milliseconds the heartbeat must be old, 0 where only the absence counts
-- ARGV[4] presence channel that must have no subscriber, "" where the presence does not count
-- ARGV[5] draining, 0 or 1, as the judge saw it
-- ARGV[6] cause   ARGV[7] "observe", or ""
-- ARGV[8] what its ack sets begin with, before the queue   ARGV[9] namespace of Dramatiq's keys
--
-- Returns the time of death in ms, or 0: annulled, or another judge was first.
local alive, dead, deaths, vitals, observed, entries, aboard, owners = unpack(KEYS)
local id, seen, must_be_old, channel, draining, cause = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local observing, acks_begin, namespace = ARGV[7] == 'observe', ARGV[8], ARGV[9]

local beat = redis.call('ZSCORE', alive, id)
if not beat or tonumber(beat) ~= tonumber(seen) then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now - tonumber(beat) < tonumber(must_be_old) then
  return 0
end
if channel ~= '' then
  local count = redis.pcall('PUBSUB', 'NUMSUB', channel)
  if not count[2] or tonumber(count[2]) > 0 then
    return 0
  end
end

if observing and redis.call('ZSCORE', observed, id) then
  return 0
end
-- Whether it still runs, for all that can be known: its end reaches us up to half a second after Dramatiq has acked it.
local function is_aboard(delivery)
  if redis.call('HEXISTS', entries, delivery) == 0 then
    return false
  end
  local acks = string.match(redis.call('HGET', owners, delivery) or '', '^%S+ %S+ (.*)$') or ''
  if string.sub(acks, 1, #acks_begin) ~= acks_begin then
    return true
  end
  local queue = string.sub(acks, #acks_begin + 1)
  return redis.call('HEXISTS', namespace .. ':' .. queue .. '.msgs', delivery) == 1
end
local suspect = redis.call('HGET', aboard, id)
if suspect and not is_aboard(suspect) then
  redis.call('HDEL', aboard, id) -- nobody else must be spared on its account
end
if observing then
  redis.call('ZADD', observed, now, id)
  return now
end
local signs = string.match(redis.call('HGET', vitals, id) or '', '^%S+ %S+ (.*)$') or ''
redis.call('ZREM', alive, id)
redis.call('ZREM', observed, id)
redis.call('HDEL', vitals, id)
redis.call('ZADD', dead, now, id)
redis.call('HSET', deaths, id, seen .. ' ' .. draining .. ' ' .. cause .. '\n' .. signs)
return now
