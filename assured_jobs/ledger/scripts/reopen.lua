-- reopen: buried -> dead. A process that woke from the dead may have fetched under its old name before it
-- knew: its ack sets are looked through once more.
--
-- KEYS[1] dead    ZSET  instance id -> died at, ms
-- KEYS[2] buried  ZSET  instance id -> buried at, ms
-- ARGV[1] instance id
--
-- Returns 1 where the instance is now dead (again or still), 0 where nobody ever declared it dead.
local dead, buried = KEYS[1], KEYS[2]
local id = ARGV[1]

if not redis.call('ZSCORE', dead, id) and not redis.call('ZSCORE', buried, id) then
  return 0
end
local time = redis.call('TIME')
redis.call('ZREM', buried, id)
redis.call('ZADD', dead, time[1] * 1000 + math.floor(time[2] / 1000), id)
return 1
