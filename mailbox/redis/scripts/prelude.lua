-- What all scripts know. KEYS[1] is the root of a partition, such as "troupe:{0}": all
-- keys begin with it, so all lie in the slot of its hash tag.
--
--   n        hash    address -> mail that is not settled
--   boxes    zset    addresses with mail, in the order of their bytes
--   h|m|l:A  stream  mail of high, normal, low priority of address A, group "g"
--   later:A  zset    mail of A that is not due, by when it is
--   due      zset    addresses with delayed mail, by when the first is due
--   owner    hash    address -> session
--   owns:S   set     addresses of session S
--   sessions zset    sessions, by when their lease ends
--   ready    zset    addresses to be had: with mail, without owner, not stopped
--   stops    zset    addresses that were stopped
--   asleep   set     lane and address: the owner wants to hear of new mail
--   room     set     addresses for which a sender waits
--   dead     stream  dead letters
--   id:A|I   string  mail I was put to address A
--   op:C     string  what client C did last, so that it can ask again
--   seq      number  gives order to ready and later
--   sum      hash    waiting, delayed
local B = KEYS[1]
local call = redis.call
local LANES = {'h', 'm', 'l'}

local function now()
  local t = call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- full lets a script write although Redis has no memory left, for it is going to free
-- some: Redis looks before the first write of a script, unless it can only free memory.
local function full() call('DEL', B .. ':none') end

local function tell(what) call('PUBLISH', B .. ':ctl', what) end

-- whole writes a number without exponent.
local function whole(n) return string.format('%.0f', n) end

-- offer makes an address known to whoever looks for one, if it can be had.
local function offer(a)
  if call('ZSCORE', B .. ':ready', a) or call('ZSCORE', B .. ':stops', a)
    or call('HEXISTS', B .. ':owner', a) == 1 then return end
  for i = 1, 3 do
    if call('EXISTS', B .. ':' .. LANES[i] .. ':' .. a) == 1 then
      call('ZADD', B .. ':ready', call('INCR', B .. ':seq'), a)
      tell('r')
      return
    end
  end
end

-- arrived tells whom it concerns that a lane of an address has got mail, but for the sessions of
-- the client who asks: it knows.
local client
local function arrived(a, lane)
  local owner = call('HGET', B .. ':owner', a)
  if not owner then return offer(a) end
  if call('SREM', B .. ':asleep', lane .. a) == 1
    and not (client and string.sub(owner, 1, #client) == client) then
    call('PUBLISH', B .. ':s:' .. owner, lane .. a)
  end
end

-- place puts mail at the end of a lane, or where delayed mail waits.
local function place(a, lane, due, put, base, data)
  if due > now() then
    local seq = string.format('%016.0f', call('INCR', B .. ':seq'))
    call('ZADD', B .. ':later:' .. a, due, seq .. lane .. whole(put) .. ';' .. base .. ';' .. data)
    local first = call('ZSCORE', B .. ':due', a)
    if not first or tonumber(first) > due then
      call('ZADD', B .. ':due', due, a)
      tell('t' .. whole(due))
    end
    call('HINCRBY', B .. ':sum', 'delayed', 1)
    return false
  end
  local s = B .. ':' .. LANES[lane + 0] .. ':' .. a
  if put == 0 then
    call('XADD', s, '*', 'd', data)
  else
    call('XADD', s, '*', 'd', data, 'p', whole(put), 'c', base)
  end
  return true
end

local function grew(a, by)
  local n = call('HINCRBY', B .. ':n', a, by)
  if n <= 0 then
    call('HDEL', B .. ':n', a)
    call('ZREM', B .. ':boxes', a)
  elseif n == by then
    call('ZADD', B .. ':boxes', 0, a)
  end
  call('HINCRBY', B .. ':sum', 'waiting', by)
  if by < 0 and call('SREM', B .. ':room', a) == 1 then tell('m' .. a) end
end

local function bury(a, lane, reason, count, put, data)
  call('XADD', B .. ':dead', '*', 'a', a, 'l', lane, 'r', reason, 'c', count, 'p', whole(put), 'd', data)
end

-- field returns a field of a stream entry.
local function field(e, name)
  local f = e[2]
  for i = 1, #f, 2 do
    if f[i] == name then return f[i + 1] end
  end
end

local function putAt(e)
  return tonumber(field(e, 'p') or string.match(e[1], '^%d+'))
end

-- read appends up to n entries of a lane to out: lane, id, tries before, put, base, data.
-- from is where to go on among those that were delivered already, '' when there are no
-- more of them; mine says that it was this owner who got them, and lost the reply.
local function read(a, lane, n, from, mine, out)
  local s = B .. ':' .. LANES[lane] .. ':' .. a
  local got = 0
  local function take(e, delivered)
    local base = tonumber(field(e, 'c') or 0)
    local list = {lane, e[1], base + delivered, putAt(e), base, field(e, 'd')}
    for i = 1, 6 do out[#out + 1] = list[i] end
    got = got + 1
  end
  if from ~= '' then
    local p = redis.pcall('XPENDING', s, 'g', from, '+', n)
    if p.err then p = {} end
    for _, x in ipairs(p) do
      local e = call('XRANGE', s, x[1], x[1])[1]
      from = '(' .. x[1]
      if e then
        local delivered = tonumber(x[4])
        if delivered == 0 then
          call('XCLAIM', s, 'g', 'o', 0, x[1], 'RETRYCOUNT', 1, 'JUSTID')
        elseif mine then
          delivered = delivered - 1
        end
        take(e, delivered)
      else
        call('XACK', s, 'g', x[1])
      end
    end
    if #p == n then return from, 1 end
    n = n - #p
  end
  local args = {'XREADGROUP', 'GROUP', 'g', 'o', 'COUNT', n, 'STREAMS', s, '>'}
  local r = redis.pcall(unpack(args))
  if r and r.err then
    if call('EXISTS', s) == 1 then
      call('XGROUP', 'CREATE', s, 'g', 0)
      r = call(unpack(args))
    else
      r = false
    end
  end
  local fresh = r and r[1][2] or {}
  for _, e in ipairs(fresh) do take(e, 0) end
  if #fresh == n then return '', 1 end
  call('SADD', B .. ':asleep', lane .. a)
  return '', 0
end

-- load reads several lanes. In args, from at on, there is for each lane how many to read, where to
-- go on, and mine. It returns for each lane whether there is more and where to go on, and then
-- the entries.
local function load(a, args, at)
  local out = {0, '', 0, '', 0, ''}
  for lane = 1, 3 do
    local n, from = tonumber(args[at + 3 * lane - 3]), args[at + 3 * lane - 2]
    if n > 0 then
      from, out[2 * lane - 1] = read(a, lane, n, from, args[at + 3 * lane - 1] == '1', out)
    else
      out[2 * lane - 1] = -1
    end
    out[2 * lane] = from
  end
  return out
end

-- disown takes an address from its session and offers it to others.
local function disown(a, session)
  call('HDEL', B .. ':owner', a)
  call('SREM', B .. ':owns:' .. session, a)
  for lane = 1, 3 do
    call('SREM', B .. ':asleep', lane .. a)
    local s = B .. ':' .. LANES[lane] .. ':' .. a
    if call('EXISTS', s) == 1 and call('XLEN', s) == 0 then call('DEL', s) end
  end
  offer(a)
end
