package altertable.conformance;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.FutureTask;

/** HTTP calls, and raw bytes to a port. */
final class HttpCalls {
  private static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private static final int SOCKET_PATIENCE_MS = 15_000;

  private HttpCalls() {}

  /** Sends a request and reads the answer line by line. */
  static Object send(Call call) throws Exception {
    var response = CLIENT.send(request(call.asked), BodyHandlers.ofInputStream());
    var body = new ByteArrayOutputStream();
    boolean aborted = false;
    try (var stream = response.body()) {
      call.goesOver(stream);
      for (int next = stream.read(), lines = 0; next >= 0; next = stream.read()) {
        body.write(next);
        if (next == '\n') {
          call.arrived(++lines, () -> answer(response, body, false));
        }
      }
    } catch (IOException broken) {
      aborted = true;
    }
    return answer(response, body, aborted);
  }

  private static HttpRequest request(Message asked) {
    try {
      var body = asked.body() == null ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(asked.body());
      var request = HttpRequest.newBuilder(URI.create(asked.url())).method(asked.method(), body);
      asked.headers().forEach(header -> request.header(header.get(0), header.get(1)));
      return request.build();
    } catch (IllegalArgumentException refused) {
      throw new UnsupportedOperationException("sends a request that java.net.http refuses");
    }
  }

  private static Object answer(HttpResponse<?> response, ByteArrayOutputStream body, boolean aborted) {
    var headers = new TreeMap<String, String>();
    response.headers().map().forEach((name, values) -> headers.put(name.toLowerCase(), String.join(", ", values)));
    return Map.of("status", response.statusCode(), "headers", headers, "body", body.toByteArray(), "aborted", aborted);
  }

  /** Writes raw bytes and reads until the server closes. */
  static Object exchange(Call call) throws IOException {
    var place = URI.create("tcp://" + call.asked.address());
    var answer = new ByteArrayOutputStream();
    try (var socket = new Socket(place.getHost(), place.getPort())) {
      call.goesOver(socket);
      // A server that has seen enough closes before everything is sent; its answer still counts.
      var sending = new FutureTask<>(() -> {
        socket.getOutputStream().write(call.asked.body());
        return true;
      });
      new Thread(sending, "sending").start();
      boolean closed = readToEnd(socket, answer);
      return Map.of("body", answer.toByteArray(), "closed", closed);
    }
  }

  /** Whether there was an end in time. */
  private static boolean readToEnd(Socket socket, ByteArrayOutputStream answer) throws IOException {
    socket.setSoTimeout(SOCKET_PATIENCE_MS);
    try {
      socket.getInputStream().transferTo(answer);
      return true;
    } catch (SocketTimeoutException late) {
      return false;
    } catch (SocketException reset) {
      return true;
    }
  }
}
