-- wrk's half of the benchmark: every thread walks all paths of WALK_PATHS in an order of its own, each request
-- carries WALK_AUTHORIZATION, and done() writes the figures as JSON to WALK_RESULT.
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init(_)
  local headers = { ["Authorization"] = os.getenv("WALK_AUTHORIZATION") }
  requests = {}
  for line in io.lines(os.getenv("WALK_PATHS")) do
    local path = line:match("^[^\t]+")
    requests[#requests + 1] = wrk.format("GET", path, headers)
  end
  math.randomseed(number * 7919 + tonumber(os.getenv("WALK_SEED") or "0"))
  for i = #requests, 2, -1 do
    local j = math.random(i)
    requests[i], requests[j] = requests[j], requests[i]
  end
  position = 0
end

function request()
  position = position % #requests + 1
  return requests[position]
end

function done(summary, latency, _)
  local e = summary.errors
  local out = io.open(os.getenv("WALK_RESULT"), "w")
  out:write(string.format(
    '{"requests":%d,"bytes":%d,"microseconds":%d,"p50":%d,"p99":%d,"max":%d,' ..
    '"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}',
    summary.requests, summary.bytes, summary.duration,
    latency:percentile(50), latency:percentile(99), latency.max,
    e.connect, e.read, e.write, e.status, e.timeout))
  out:close()
end
