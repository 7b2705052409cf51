-- expect: stops a script where a key holds what we did not write. Every key is looked at before the first is
-- changed: a script that stops in the middle rolls nothing back.
local function expect(kind, key)
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= kind then
    error('WRONGTYPE ' .. key .. ' holds a ' .. found .. ', not a ' .. kind)
  end
end
