-- retry: held or deferred -> released. An operator says: again. It grants exactly one more life.
--
-- KEYS[1] held ZSET  KEYS[2] deferred ZSET  KEYS[3] released ZSET   delivery -> ms
-- KEYS[4] job HASH  crash record of this message id
-- ARGV[1] delivery   ARGV[2] crashes, as the operator saw them
--
-- Returns "released", "already" (someone said so before), or "gone".
local held, deferred, released, job = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local delivery, seen = ARGV[1], tonumber(ARGV[2])

if redis.call('ZSCORE', released, delivery) then
  return 'already'
end
if redis.call('ZREM', held, delivery) + redis.call('ZREM', deferred, delivery) == 0 then
  return 'gone'
end
local time = redis.call('TIME')
local crashes = tonumber(redis.call('HGET', job, 'crashes')) or seen
redis.call('HSET', job, 'crashes', crashes, 'limit', crashes + 1, 'interrupted', 0)
redis.call('ZADD', released, time[1] * 1000 + math.floor(time[2] / 1000), delivery)
return 'released'
