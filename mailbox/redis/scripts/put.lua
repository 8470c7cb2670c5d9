-- ARGV: client, number of the operation, how long IDs are remembered in ms, the reason of dead letters
-- for which there was no room, and for each mail:
-- whether it begins a new call of Put, address, lane, due in ms, limit, policy, ID, mail.
-- Returns a digit for each mail: 0 done, 1 refused, 2 no room yet, 3 not tried.
-- A client asks again with the same number when it has got no reply.
client = ARGV[1]
local done, op = B .. ':op:' .. client, ARGV[2]
local before = call('GET', done)
if before then
  local n, result = string.match(before, '^(%d+) (%d+)$')
  if n == op then return result end
end
local result, woken, stuck = {}, {}, false
for i = 5, #ARGV, 8 do
  local a, lane, due, limit, policy = ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4]), ARGV[i + 5]
  local id, data = ARGV[i + 6], ARGV[i + 7]
  if ARGV[i] == '1' then stuck = false end
  local code = stuck and 3 or 0
  local known = B .. ':id:' .. a .. '|' .. id
  if code == 0 and (id == '' or call('EXISTS', known) == 0) then
    local keep = true
    if limit > 0 and tonumber(call('HGET', B .. ':n', a) or 0) >= limit then
      if policy == '0' then
        code, keep = 2, false
        call('SADD', B .. ':room', a)
      elseif policy == '1' then
        code, keep = 1, false
      elseif policy == '2' then
        bury(a, lane, ARGV[4], 0, now(), data)
        keep = false
      else
        for l = 3, 1, -1 do
          local s = B .. ':' .. LANES[l] .. ':' .. a
          local out = redis.pcall('XINFO', 'GROUPS', s)
          local from = '-'
          if not out.err and out[1] then from = '(' .. out[1][8] end
          local e = call('XRANGE', s, from, '+', 'COUNT', 1)[1]
          if e then
            call('XDEL', s, e[1])
            bury(a, l, ARGV[4], tonumber(field(e, 'c') or 0), putAt(e), field(e, 'd'))
            grew(a, -1)
            break
          end
        end
      end
    end
    if keep then
      if place(a, lane, due, due > 0 and now() or 0, 0, data) then woken[lane .. a] = true end
      grew(a, 1)
    end
    if code == 0 and id ~= '' then call('SET', known, 1, 'PX', ARGV[3]) end
  end
  if code ~= 0 then stuck = true end
  result[#result + 1] = code
end
for w in pairs(woken) do arrived(string.sub(w, 2), string.sub(w, 1, 1)) end
result = table.concat(result)
call('SET', done, op .. ' ' .. result, 'EX', 3600)
return result
