-- ARGV: addresses. Returns for each: waiting, delayed, stopped, put of the oldest that is due.
local t = now()
local out = {}
for i, a in ipairs(ARGV) do
  local oldest = 0
  for l = 1, 3 do
    local e = call('XRANGE', B .. ':' .. LANES[l] .. ':' .. a, '-', '+', 'COUNT', 1)[1]
    if e and (oldest == 0 or putAt(e) < oldest) then oldest = putAt(e) end
  end
  out[i] = {
    tonumber(call('HGET', B .. ':n', a) or 0),
    call('ZCOUNT', B .. ':later:' .. a, '(' .. whole(t), '+inf'),
    call('ZSCORE', B .. ':stops', a) and 1 or 0,
    oldest,
  }
end
return out
