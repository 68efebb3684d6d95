-- For wrk: asks with the bodies of a file, one after the other, and prints figures as JSON.
-- Arguments: file of bodies, media type, media type of answers, mean pause of a client in ms.

local asked, pause = {}, 0
local place = 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local headers = { ["Content-Type"] = args[2], ["Accept"] = args[3] }
  pause = tonumber(args[4])
  while true do
    local size = file:read("*n")
    if size == nil then break end
    file:read(1)
    asked[#asked + 1] = wrk.format("POST", nil, headers, file:read(size))
  end
  file:close()
  math.randomseed(os.time())
  place = math.random(#asked)
end

function request()
  place = place % #asked + 1
  return asked[place]
end

function delay()
  return pause == 0 and 0 or math.floor(2 * pause * math.random())
end

function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '\n{"requests": %d, "seconds": %f, "failed": %d, "p50": %f, "p99": %f}\n',
    summary.requests, summary.duration / 1e6, failed,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
