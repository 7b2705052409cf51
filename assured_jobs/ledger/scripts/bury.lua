-- bury: dead -> buried, once nothing is owed to it any more. The tombstone stays, so that a process that
-- wakes up later learns that it is dead.
--
-- KEYS[1] dead     ZSET  instance id -> died at, ms
-- KEYS[2] buried   ZSET  instance id -> buried at, ms
-- KEYS[3] entries  HASH  delivery -> entry of this instance
-- KEYS[4] suspects SET   deliveries of the suspects it ran
-- KEYS[5...]       SETs  every ack set of this incarnation
-- ARGV[1] instance id
-- ARGV[2] milliseconds it must have been dead: a fetch sent before the process knew may still arrive
--
-- Returns 1 buried, 0 not yet.
local dead, buried, entries, suspects = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, patience = ARGV[1], tonumber(ARGV[2])

local died = redis.call('ZSCORE', dead, id)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if not died or now - tonumber(died) < patience or redis.call('HLEN', entries) > 0 then
  return 0
end
for i = 5, #KEYS do
  if redis.call('SCARD', KEYS[i]) > 0 then
    return 0
  end
end
redis.call('DEL', suspects)
redis.call('ZREM', dead, id)
redis.call('ZADD', buried, now, id)
return 1
