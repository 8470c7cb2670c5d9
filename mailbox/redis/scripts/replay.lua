-- ARGV: keys of dead letters. Puts them to their addresses again. Returns how many there were.
local n = 0
for _, id in ipairs(ARGV) do
  local e = redis.pcall('XRANGE', B .. ':dead', id, id)
  e = not e.err and e[1]
  if e and call('XDEL', B .. ':dead', id) == 1 then
    local a, lane = field(e, 'a'), field(e, 'l')
    place(a, lane, 0, 0, 0, field(e, 'd'))
    grew(a, 1)
    arrived(a, lane)
    n = n + 1
  end
end
return n
