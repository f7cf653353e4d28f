# Ruby's faye-websocket; see README.md.
require "eventmachine"
require "faye/websocket"
require "json"
require "net/http"
require "timeout"

DIALLED, FALLBACK, USER, PEER, IDLE, KEEPALIVE = ARGV
BODY = "grüße, 世界 😀 " * 2858 # A good 60,000 bytes of UTF-8.
ATTEMPTS = 30

def step(name, **more)
  puts JSON.generate({ step: name, **more })
  $stdout.flush
end

# One connection. Its library lives in the event loop's thread, and what comes is put in a queue.
class Session
  def initialize(url)
    @events = Queue.new
    opened = Queue.new
    EventMachine.schedule { dial(url, opened) }
    @refused = opened.pop
  end

  # The status that the upgrade was refused with, if it was.
  attr_reader :refused

  def dial(url, opened)
    @socket = Faye::WebSocket::Client.new(url)
    @socket.on(:open) do
      opened << nil
      watch
    end
    @socket.on(:message) { |event| @events << JSON.parse(event.data) }
    @socket.on(:close) do |event|
      opened << @socket.status
      EventMachine.cancel_timer(@watch) if @watch
      @events << { "type" => "closed", "code" => event.code, "reason" => event.reason }
    end
  end

  # The library can ping by itself, but misses no pong.
  def watch
    alive = true
    @watch = EventMachine.add_periodic_timer(KEEPALIVE.to_f) do
      @socket.close(3000, "no pong") unless alive
      alive = false
      @socket.ping("here?") { alive = true }
    end
  end

  def next = @events.pop

  def send(frame) = EventMachine.schedule { @socket.send(JSON.generate(frame)) }

  def close = EventMachine.schedule { @socket.close(1000) }

  def login
    send({ type: "login", user: USER })
    welcome = self.next
    raise welcome.to_s unless welcome["type"] == "welcome"
    step("welcome", node: welcome["node"])
  end

  def idle
    raise Timeout.timeout(IDLE.to_f) { self.next }.to_s
  rescue Timeout::Error
    step("idle")
  end

  def send_and_receive
    send({ type: "send", id: "c-1", to: PEER, body: BODY })
    kinds = [self.next, self.next].to_h { |frame| [frame["type"], frame] }
    raise kinds.to_s unless kinds.dig("receipt", "outcome") == "delivered"
    raise "the body came back changed" unless kinds["message"]["body"] == BODY
    step("delivered", bytes: kinds["message"]["body"].bytesize)
  end
end

def reconnect(url)
  ATTEMPTS.times do
    session = Session.new(url)
    return session unless session.refused

    # The library tells the status of a refusal, and not its body.
    address = URI(url.sub("ws://", "http://").sub(/ws$/, "nodes"))
    nodes = JSON.parse(Net::HTTP.get(address))["nodes"]
    step("refused", status: session.refused, nodes: nodes)
    url = nodes.first || url
    sleep 1
  end
  raise "refused every time"
end

Thread.abort_on_exception = true
Thread.new { EventMachine.run }
Thread.pass until EventMachine.reactor_running?

session = Session.new(DIALLED)
session.login
session.idle
session.send_and_receive
closed = session.next
raise closed.to_s unless closed["type"] == "closed"
step("closed", code: closed["code"], reason: closed["reason"])
sleep(closed["reason"].delete_prefix("retry_ms=").to_i / 1000.0)
session = reconnect(FALLBACK)
session.login
session.send_and_receive
session.close
last = session.next
raise last.to_s unless last["code"] == 1000
step("done")
