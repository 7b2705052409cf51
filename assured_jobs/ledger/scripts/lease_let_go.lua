-- lease_let_go: mine -> free. Never another's.
--
-- KEYS[1] lease  STRING  instance id of the holder
-- ARGV[1] instance id
--
-- Returns 1 let go, 0 it was not ours.
local lease = KEYS[1]
local id = ARGV[1]

if redis.call('GET', lease) == id then
  return redis.call('DEL', lease)
end
return 0
