-- Moves delayed mail that is due to its lane. Returns in how many ms the next is due, -1 if there is none.
full()
local t = now()
local moved = 0
for _, a in ipairs(call('ZRANGEBYSCORE', B .. ':due', '-inf', t, 'LIMIT', 0, 100)) do
  local key = B .. ':later:' .. a
  for _, m in ipairs(call('ZRANGEBYSCORE', key, '-inf', t, 'LIMIT', 0, 100)) do
    local lane, put, base, data = string.match(m, '^' .. string.rep('%d', 16) .. '(%d)(%d+);(%d+);(.*)$')
    call('ZREM', key, m)
    place(a, lane, 0, tonumber(put), base, data)
    arrived(a, lane)
    moved = moved + 1
  end
  local first = call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if first[2] then call('ZADD', B .. ':due', first[2], a) else call('ZREM', B .. ':due', a) end
end
if moved > 0 then call('HINCRBY', B .. ':sum', 'delayed', -moved) end
local first = call('ZRANGE', B .. ':due', 0, 0, 'WITHSCORES')
if not first[2] then return -1 end
return math.max(0, first[2] - t)
