-- unobserve: ends the observation of an instance that would be dead: it beats again, or nothing is left in its hands.
-- No tombstone: nobody declared it dead, and if it wakes after all it registers again.
--
-- KEYS[1] alive ZSET  instance id -> last heartbeat, ms   KEYS[2] observed ZSET  instance id -> seen dead at, ms
-- KEYS[3] vitals HASH   KEYS[4] instances HASH   instance id -> ...
-- KEYS[5] entries HASH of this instance   KEYS[6] suspects SET  of the deliveries
-- KEYS[7...] SETs  every ack set of this incarnation (Dramatiq's)
-- ARGV[1] instance id   ARGV[2] milliseconds in which it may still wake
--
-- Returns "lives", "gone", or "waits": it may wake, or Dramatiq's maintenance has not come to all of it yet.
local alive, observed, vitals, instances, entries = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local suspects, id, patience = KEYS[6], ARGV[1], tonumber(ARGV[2])

local seen = redis.call('ZSCORE', observed, id)
local beat = redis.call('ZSCORE', alive, id)
if beat and seen and tonumber(beat) > tonumber(seen) then
  redis.call('ZREM', observed, id)
  return 'lives'
end
if not beat then
  redis.call('ZREM', observed, id) -- somebody else declared it dead in earnest: its estate is that pass's business
  return 'gone'
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if (seen and now - tonumber(seen) < patience) or redis.call('HLEN', entries) > 0 then
  return 'waits'
end
for i = 7, #KEYS do
  if redis.call('SCARD', KEYS[i]) > 0 then
    return 'waits'
  end
end
redis.call('ZREM', alive, id)
redis.call('ZREM', observed, id)
redis.call('HDEL', vitals, id)
redis.call('HDEL', instances, id)
redis.call('DEL', suspects)
return 'gone'
