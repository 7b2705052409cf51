-- register: (unknown) -> alive. Announces one incarnation of a worker process.
--
-- KEYS[1] alive      ZSET  instance id -> last heartbeat, ms
-- KEYS[2] dead       ZSET  instance id -> died at, ms; still owed a recovery
-- KEYS[3] buried     ZSET  instance id -> buried at, ms; the tombstones
-- KEYS[4] instances  HASH  instance id -> description, JSON
-- ARGV[1] instance id
-- ARGV[2] description, JSON
--
-- Returns "alive", or "fenced" where a tombstone stands: the dead stay dead.
-- Repeating it is harmless: it only refreshes the heartbeat and the description.
local alive, dead, buried, instances = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, description = ARGV[1], ARGV[2]

if redis.call('ZSCORE', dead, id) or redis.call('ZSCORE', buried, id) then
  return 'fenced'
end
local time = redis.call('TIME')
redis.call('ZADD', alive, time[1] * 1000 + math.floor(time[2] / 1000), id)
redis.call('HSET', instances, id, description)
return 'alive'
