-- hold: fetched -> held. For a delivery that begin refused because its crash cap is reached.
--
-- KEYS[1] alive    ZSET  instance id -> last heartbeat, ms
-- KEYS[2] orphans  HASH  delivery -> "<since ms> <what an operator sees, JSON>"
-- KEYS[3] held     ZSET  delivery -> held at, ms
-- KEYS[4] custody  SET   deliveries in custody, of this message id
-- KEYS[5] job      HASH  crash record of this message id
-- KEYS[6] acks     SET   this incarnation's ack set of the queue (Dramatiq's)
-- ARGV[1] instance id   ARGV[2] delivery   ARGV[3] orphan, JSON
--
-- Returns 1 held, 0 the delivery is no longer ours to hold.
local alive, orphans, held, custody, job, acks = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local id, delivery, orphan = ARGV[1], ARGV[2], ARGV[3]

--- include expect
expect('hash', orphans)
expect('zset', held)
expect('set', custody)

if not redis.call('ZSCORE', alive, id) or redis.call('SREM', acks, delivery) == 0 then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', orphans, delivery, now .. ' ' .. orphan)
redis.call('ZADD', held, now, delivery)
redis.call('SADD', custody, delivery)
redis.call('PERSIST', job)
return 1
