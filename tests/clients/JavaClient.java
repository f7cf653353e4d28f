import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;

/** Two clients in Java; see README.md. The first argument says which: "jdk" or "okhttp". */
class JavaClient {
    static final String BODY = "grüße, 世界 😀 ".repeat(2858); // A good 60,000 bytes of UTF-8.
    static final int ATTEMPTS = 30;
    static final HttpClient HTTP = HttpClient.newHttpClient();

    /** One connection. Its frames, and at last its close, come to a queue. */
    interface Connection {
        void send(String text) throws Exception;

        void close() throws Exception;
    }

    interface Connect {
        Connection to(String url, Duration keepalive, BlockingQueue<Object> events) throws Exception;
    }

    record Closed(int code, String reason) {}

    static class Refused extends Exception {
        final int status;
        final String retryAfter, body;

        Refused(int status, String retryAfter, String body) {
            this.status = status;
            this.retryAfter = retryAfter;
            this.body = body;
        }
    }

    public static void main(String[] args) {
        try {
            play(args);
            System.exit(0);
        } catch (Exception error) {
            error.printStackTrace();
            System.exit(1);
        }
    }

    static void play(String[] args) throws Exception {
        Connect connect = args[0].equals("okhttp") ? OkHttp::connect : Jdk::connect;
        String url = args[1], fallback = args[2], user = args[3], peer = args[4];
        Duration idle = seconds(args[5]), keepalive = seconds(args[6]);

        var session = new Session(connect, url, keepalive);
        session.login(user);
        Object early = session.events.poll(idle.toMillis(), TimeUnit.MILLISECONDS);
        check(early == null, early);
        step("idle", "");
        session.sendAndReceive(peer);
        var closed = (Closed) session.events.take();
        var more = ",\"code\":%d,\"reason\":\"%s\"";
        step("closed", more.formatted(closed.code(), closed.reason()));
        Thread.sleep(Long.parseLong(closed.reason().replace("retry_ms=", "")));
        session = reconnect(connect, fallback, keepalive);
        session.login(user);
        session.sendAndReceive(peer);
        session.connection.close();
        Object end = session.events.take();
        check(end instanceof Closed last && last.code() == 1000, end);
        step("done", "");
    }

    static class Session {
        final BlockingQueue<Object> events = new LinkedBlockingQueue<>();
        final Connection connection;

        Session(Connect connect, String url, Duration keepalive) throws Exception {
            connection = connect.to(url, keepalive, events);
        }

        void login(String user) throws Exception {
            connection.send("{\"type\":\"login\",\"user\":\"" + user + "\"}");
            var welcome = events.take().toString();
            check(welcome.contains("\"type\":\"welcome\""), welcome);
            step("welcome", ",\"node\":\"%s\"".formatted(find("\"node\":\"(.*?)\"", welcome)));
        }

        void sendAndReceive(String peer) throws Exception {
            var to = "\"id\":\"c-1\",\"to\":\"" + peer + "\"";
            connection.send("{\"type\":\"send\"," + to + ",\"body\":\"" + BODY + "\"}");
            Object first = events.take(), second = events.take();
            String frames = first + "\n" + second;
            check(frames.contains("\"outcome\":\"delivered\""), frames);
            String body = find("\"body\":\"(.*?)\"", frames);
            check(body.equals(BODY), "the body came back changed");
            step("delivered", ",\"bytes\":" + body.getBytes(StandardCharsets.UTF_8).length);
        }
    }

    static Session reconnect(Connect connect, String url, Duration keepalive) throws Exception {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            try {
                return new Session(connect, url, keepalive);
            } catch (Refused refused) {
                String body = refused.body != null ? refused.body : getNodes(url);
                String nodes = find("\"nodes\":(\\[.*?\\])", body);
                var more = ",\"status\":%d,\"retry_after\":\"%s\",\"nodes\":%s";
                step("refused", more.formatted(refused.status, refused.retryAfter, nodes));
                Matcher other = Pattern.compile("ws://[^\"]*").matcher(nodes);
                url = other.find() ? other.group() : url;
                Thread.sleep(seconds(refused.retryAfter).toMillis());
            }
        }
        throw new IOException("refused every time");
    }

    static String getNodes(String url) throws Exception {
        var address = url.replace("ws://", "http://").replaceFirst("ws$", "nodes");
        var request = HttpRequest.newBuilder(URI.create(address)).build();
        return HTTP.send(request, HttpResponse.BodyHandlers.ofString()).body();
    }

    static Duration seconds(String text) {
        return Duration.ofMillis((long) (1000 * Double.parseDouble(text)));
    }

    static String find(String pattern, String text) throws IOException {
        Matcher matcher = Pattern.compile(pattern).matcher(text);
        check(matcher.find(), text);
        return matcher.group(1);
    }

    static void check(boolean holds, Object what) throws IOException {
        if (!holds) throw new IOException("wrong: " + what);
    }

    static void step(String name, String more) {
        System.out.println("{\"step\":\"" + name + "\"" + more + "}");
    }
}

/** java.net.http, which has no keepalive: this one pings, and ends what does not answer. */
class Jdk implements java.net.http.WebSocket.Listener {
    final ScheduledExecutorService timer = Executors.newScheduledThreadPool(1, JavaDaemon::new);
    final AtomicBoolean alive = new AtomicBoolean(true);
    final StringBuilder text = new StringBuilder();
    final BlockingQueue<Object> events;

    Jdk(BlockingQueue<Object> events) {
        this.events = events;
    }

    static JavaClient.Connection connect(
            String url, Duration keepalive, BlockingQueue<Object> events) throws Exception {
        var listener = new Jdk(events);
        java.net.http.WebSocket socket;
        try {
            var builder = JavaClient.HTTP.newWebSocketBuilder();
            socket = builder.buildAsync(URI.create(url), listener).join();
        } catch (CompletionException error) {
            if (!(error.getCause() instanceof WebSocketHandshakeException refused)) throw error;
            HttpResponse<?> response = refused.getResponse();
            String retryAfter = response.headers().firstValue("retry-after").orElse(null);
            String body = response.body() instanceof String text ? text : null;
            throw new JavaClient.Refused(response.statusCode(), retryAfter, body);
        }
        listener.keepAlive(socket, keepalive);
        return new JavaClient.Connection() {
            public void send(String text) {
                socket.sendText(text, true).join();
            }

            public void close() {
                socket.sendClose(1000, "").join();
            }
        };
    }

    void keepAlive(java.net.http.WebSocket socket, Duration interval) {
        Runnable ping = () -> {
            if (!alive.getAndSet(false)) events.add(new IOException("no pong"));
            socket.sendPing(ByteBuffer.wrap(new byte[] {1}));
        };
        long millis = interval.toMillis();
        timer.scheduleAtFixedRate(ping, millis, millis, TimeUnit.MILLISECONDS);
    }

    public CompletionStage<?> onPong(java.net.http.WebSocket socket, ByteBuffer message) {
        alive.set(true);
        socket.request(1);
        return null;
    }

    public CompletionStage<?> onText(
            java.net.http.WebSocket socket, CharSequence part, boolean last) {
        text.append(part);
        if (last) {
            events.add(text.toString());
            text.setLength(0);
        }
        socket.request(1);
        return null;
    }

    public CompletionStage<?> onClose(java.net.http.WebSocket socket, int code, String reason) {
        timer.shutdown();
        events.add(new JavaClient.Closed(code, reason));
        return null;
    }

    public void onError(java.net.http.WebSocket socket, Throwable error) {
        timer.shutdown();
        events.add(error);
    }
}

/** A thread that keeps no program from ending. */
class JavaDaemon extends Thread {
    JavaDaemon(Runnable run) {
        super(run);
        setDaemon(true);
    }
}

/** OkHttp, with its own keepalive. */
class OkHttp extends WebSocketListener {
    final BlockingQueue<Object> events;
    final CompletableFuture<Void> opened = new CompletableFuture<>();

    OkHttp(BlockingQueue<Object> events) {
        this.events = events;
    }

    static JavaClient.Connection connect(
            String url, Duration keepalive, BlockingQueue<Object> events) throws Exception {
        var client = new OkHttpClient.Builder()
                .pingInterval(keepalive.toMillis(), TimeUnit.MILLISECONDS)
                .build();
        var listener = new OkHttp(events);
        WebSocket socket = client.newWebSocket(new Request.Builder().url(url).build(), listener);
        try {
            listener.opened.get();
        } catch (ExecutionException error) {
            throw (Exception) error.getCause();
        }
        return new JavaClient.Connection() {
            public void send(String text) {
                socket.send(text);
            }

            public void close() {
                socket.close(1000, null);
            }
        };
    }

    @Override
    public void onOpen(WebSocket socket, Response response) {
        opened.complete(null);
    }

    @Override
    public void onMessage(WebSocket socket, String text) {
        events.add(text);
    }

    @Override
    public void onClosing(WebSocket socket, int code, String reason) {
        socket.close(1000, null);
    }

    @Override
    public void onClosed(WebSocket socket, int code, String reason) {
        events.add(new JavaClient.Closed(code, reason));
    }

    @Override
    public void onFailure(WebSocket socket, Throwable error, Response response) {
        Throwable why = error;
        try {
            if (response != null) {
                String retryAfter = response.header("Retry-After");
                String body = response.body() == null ? null : response.body().string();
                why = new JavaClient.Refused(response.code(), retryAfter, body);
            }
        } catch (IOException ignored) {
            // The refusal is told by its head alone.
        }
        opened.completeExceptionally(why);
        events.add(why);
    }
}
