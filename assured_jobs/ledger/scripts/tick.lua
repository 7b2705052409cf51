-- tick: the watcher has looked: written down for operators, and told to the other instances, whom it costs no command.
--
-- KEYS[1] tick  STRING  "<ms> <instance id>"
-- ARGV[1] instance id   ARGV[2] channel of the ticks
--
-- Returns when, in ms.
local tick = KEYS[1]
local id, channel = ARGV[1], ARGV[2]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', tick, now .. ' ' .. id)
redis.pcall('PUBLISH', channel, id) -- pcall: where an ACL forbids it the others watch for themselves
return now
