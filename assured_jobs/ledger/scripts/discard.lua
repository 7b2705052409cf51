-- discard: held, deferred or released -> discarded. An operator says: never again. The payload goes; a
-- bounded list remembers that it was there.
--
-- KEYS[1] held ZSET  KEYS[2] deferred ZSET  KEYS[3] released ZSET  KEYS[4] discarded ZSET   delivery -> ms
-- KEYS[5] custody SET  KEYS[6] job HASH, of this message id
-- KEYS[7] msgs HASH  delivery -> payload (Dramatiq's)
-- KEYS[8] orphans HASH  delivery -> "<since ms> <what an operator sees, JSON>"
-- ARGV[1] delivery   ARGV[2] orphan, JSON
--
-- Returns "discarded" or "gone".
local held, deferred, released, discarded = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local custody, job, msgs, orphans = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local delivery, orphan = ARGV[1], ARGV[2]

--- include expect
for _, key in ipairs({held, deferred, released, discarded}) do
  expect('zset', key)
end
expect('set', custody)
expect('hash', msgs)
expect('hash', orphans)

local had = redis.call('ZREM', held, delivery) + redis.call('ZREM', deferred, delivery)
if had + redis.call('ZREM', released, delivery) == 0 then
  return 'gone'
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HDEL', msgs, delivery)
redis.call('HSET', orphans, delivery, now .. ' ' .. orphan)
redis.call('ZADD', discarded, now, delivery)
redis.call('SREM', custody, delivery)
if redis.call('SCARD', custody) == 0 then
  redis.call('DEL', job)
end
return 'discarded'
