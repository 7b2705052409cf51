-- declare_dead: alive -> dead. The judgement is checked again here, where it takes effect: a heartbeat
-- or a presence that came back since the judge looked annuls it. Where recovery is only observed, the instance
-- stays alive, and it is written down, once, that it would be dead.
--
-- KEYS[1] alive   ZSET  instance id -> last heartbeat, ms
-- KEYS[2] dead    ZSET  instance id -> died at, ms
-- KEYS[3] deaths  HASH  instance id -> "<last heartbeat ms> <draining 0|1> <cause>\n<signs>"
-- KEYS[4] vitals  HASH  instance id -> "<run_id> <draining> <signs>"
-- KEYS[5] observed  ZSET  instance id -> seen dead at, ms
-- KEYS[6] entries HASH  delivery -> entry, of this instance   KEYS[7] suspects SET  of the deliveries
-- KEYS[8] owners  HASH  delivery -> "<instance id> <token> <ack set>"
-- ARGV[1] instance id
-- ARGV[2] last heartbeat the judge saw, ms
-- ARGV[3] milliseconds the heartbeat must be old, 0 where only the absence counts
-- ARGV[4] presence channel that must have no subscriber, "" where the presence does not count
-- ARGV[5] draining, 0 or 1, as the judge saw it
-- ARGV[6] cause   ARGV[7] "observe", or ""
--
-- Returns the time of death in ms, or 0: annulled, or another judge was first.
local alive, dead, deaths, vitals, observed, entries, suspects, owners = unpack(KEYS)
local id, seen, must_be_old, channel, draining, cause = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local observing = ARGV[7] == 'observe'

--- include is_aboard
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
for _, suspect in ipairs(redis.call('SMEMBERS', suspects)) do
  if not is_aboard(suspect, entries, owners) then
    redis.call('SREM', suspects, suspect) -- nobody else must be spared on its account
  end
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
