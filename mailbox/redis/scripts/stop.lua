-- ARGV: address, 1 to stop or 0 to start.
full()
local a = ARGV[1]
if ARGV[2] == '1' then
  if call('ZADD', B .. ':stops', 0, a) == 0 then return 0 end
  call('ZREM', B .. ':ready', a)
  tell('s' .. a)
  return 1
end
if call('ZREM', B .. ':stops', a) == 0 then return 0 end
offer(a)
return 1
