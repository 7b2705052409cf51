-- defer: fetched -> deferred. For a delivery that begin told to wait: same id, its payload stays where it is.
--
-- KEYS[1] alive     ZSET  instance id -> last heartbeat, ms
-- KEYS[2] orphans   HASH  delivery -> "<since ms> <what an operator sees, JSON>"
-- KEYS[3] deferred  ZSET  delivery -> due at, ms
-- KEYS[4] custody   SET   deliveries in custody, of this message id
-- KEYS[5] acks      SET   this incarnation's ack set of the queue (Dramatiq's)
-- ARGV[1] instance id   ARGV[2] delivery   ARGV[3] orphan, JSON   ARGV[4] milliseconds to wait, and ARGV[5] more for
-- each that waits already, but no longer than ARGV[6] in all: many that wait must not keep asking
--
-- Returns 1 deferred, 0 the delivery is no longer ours to defer.
local alive, orphans, deferred, custody, acks = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, delivery, orphan, wait = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

--- include expect
expect('hash', orphans)
expect('zset', deferred)
expect('set', custody)

if not redis.call('ZSCORE', alive, id) or redis.call('SREM', acks, delivery) == 0 then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', orphans, delivery, now .. ' ' .. orphan)
local longer = wait + redis.call('ZCARD', deferred) * tonumber(ARGV[5])
redis.call('ZADD', deferred, now + math.min(longer, tonumber(ARGV[6])), delivery)
redis.call('SADD', custody, delivery)
return 1
