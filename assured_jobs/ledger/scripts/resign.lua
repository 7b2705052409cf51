-- resign: alive -> buried, of one's own will and only with empty hands. Whoever still holds a job when
-- the process ends dies like anybody else, and the job comes back.
--
-- KEYS[1] alive    ZSET  instance id -> last heartbeat, ms
-- KEYS[2] buried   ZSET  instance id -> buried at, ms
-- KEYS[3] deaths   HASH  instance id -> "<last heartbeat ms> <draining> <cause>"
-- KEYS[4] vitals   HASH  instance id -> "<run_id> <draining> <signs>"
-- KEYS[5] entries  HASH  delivery -> entry of this instance
-- KEYS[6] observed ZSET  instance id -> seen dead at, ms   KEYS[7] suspects SET  of the deliveries
-- KEYS[8...]       SETs  every ack set of this incarnation
-- ARGV[1] instance id
--
-- Returns 1 resigned, 0 still holding something, -1 not alive.
local alive, buried, deaths, vitals, entries = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local observed, suspects, id = KEYS[6], KEYS[7], ARGV[1]

local beat = redis.call('ZSCORE', alive, id)
if not beat then
  return -1
end
if redis.call('HLEN', entries) > 0 then
  return 0
end
for i = 8, #KEYS do
  if redis.call('SCARD', KEYS[i]) > 0 then
    return 0
  end
end
local time = redis.call('TIME')
redis.call('ZREM', alive, id)
redis.call('HDEL', vitals, id)
redis.call('ZREM', observed, id)
redis.call('DEL', suspects)
redis.call('ZADD', buried, time[1] * 1000 + math.floor(time[2] / 1000), id)
redis.call('HSET', deaths, id, beat .. ' 1 stopped')
return 1
